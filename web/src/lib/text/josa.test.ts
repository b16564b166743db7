import { describe, expect, it } from 'vitest'
import { josa } from './josa'

describe('josa', () => {
  it.each([
    ['하루', '과/와', '하루와'],
    ['솔', '과/와', '솔과'],
    ['하루', '은/는', '하루는'],
    ['별빛', '은/는', '별빛은'],
    ['민준', '이/가', '민준이'],
    ['지아', '을/를', '지아를'],
    ['달', '으로/로', '달로'],
    ['부산', '으로/로', '부산으로'],
    ['서하', '아/야', '서하야'],
    ['Leo', '과/와', 'Leo와'],
    ['Kim', '과/와', 'Kim과'],
    ['Luna 7', '은/는', 'Luna 7은'],
    ['R2', '을/를', 'R2를'],
    ['Bling', '이/가', 'Bling이'],
  ] as const)('joins %s with %s as %s', (name, pair, expected) => {
    expect(josa(name, pair)).toBe(expected)
  })

  it('looks past punctuation and emoji at the end', () => {
    expect(josa('솔★', '과/와')).toBe('솔★과')
    expect(josa('하루 (봄)', '은/는')).toBe('하루 (봄)은')
  })

  it('reads decomposed syllables like composed ones', () => {
    expect(josa('솔'.normalize('NFD'), '과/와').normalize('NFC')).toBe('솔과')
  })

  it('gives both forms when nobody can tell', () => {
    expect(josa('✨', '은/는')).toBe('✨은(는)')
    expect(josa('桜', '과/와')).toBe('桜과(와)')
  })
})
