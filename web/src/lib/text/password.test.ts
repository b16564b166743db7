import { describe, expect, it } from 'vitest'
import { passwordHints } from './password'

const hints = (password: string, names: string[] = []) => passwordHints(password, names, 10)

describe('passwordHints', () => {
  it('counts code points as the server does', () => {
    expect(hints('가나다라마바사아자차').longEnough).toBe(true)
    expect(hints('가나다라마바사아자').longEnough).toBe(false)
    expect(hints('🦁'.repeat(9)).longEnough).toBe(false)
  })

  it.each(['aaaaaaaaaa', 'abababababab', '123412341234', '1234567890', 'qwertyuiop', 'zyxwvutsrq', ''])(
    'finds %j too plain',
    (password) => expect(hints(password).varied).toBe(false),
  )

  it.each(['correct horse battery', '오늘은 별이 가깝다', 'tr0ub4dor&3xyz'])('lets %j pass', (password) =>
    expect(hints(password).varied).toBe(true),
  )

  it.each([
    ['I am Minseo!!', ['minseo'], false],
    ['mail m.kim secret', ['m.kim@example.com'], false],
    ['nothing of mine', ['minseo', 'm.kim@example.com'], true],
    ['a short name: ab', ['ab'], true],
  ])('looks for names in %j', (password, names, expected) => {
    expect(hints(password, names).withoutNames).toBe(expected)
  })
})
