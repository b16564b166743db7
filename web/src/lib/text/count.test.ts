import { describe, expect, it } from 'vitest'
import { countCodePoints, isBlank } from './count'

describe('countCodePoints', () => {
  it('counts a syllable once, composed or not', () => {
    expect(countCodePoints('안녕하세요!')).toBe(6)
    expect(countCodePoints('가'.repeat(200).normalize('NFD'))).toBe(200)
  })
  it('counts an emoji of two code units once', () => {
    expect(countCodePoints('🦁🚀')).toBe(2)
  })
  it('leaves out white space around the text', () => {
    expect(countCodePoints('  a b \n')).toBe(3)
  })
})

describe('isBlank', () => {
  it('sees through invisible characters', () => {
    expect(isBlank(' \u200b\u2060\ufeff\n\t')).toBe(true)
    expect(isBlank('\u3164')).toBe(true)
    expect(isBlank(' . ')).toBe(false)
  })
})
