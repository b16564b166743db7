import { describe, expect, it } from 'vitest'
import { waitOf } from './wait'

const at = (day: number, hour: number, minute = 0, second = 0) =>
  new Date(2026, 0, day, hour, minute, second).getTime()
const now = at(15, 13)

describe('waitOf', () => {
  it.each([
    [now, { kind: 'over' }],
    [now - 1, { kind: 'over' }],
    [now + 1, { kind: 'seconds', count: 1 }],
    [now + 89_000, { kind: 'seconds', count: 89 }],
    [now + 90_000, { kind: 'minutes', count: 2 }],
    [now + 3_599_000, { kind: 'minutes', count: 60 }],
  ])('says %d briefly', (until, expected) => {
    expect(waitOf(until, now)).toEqual(expected)
  })

  it.each([
    [at(15, 16, 30), 'today', false],
    [at(16, 0), 'tomorrow', true],
    [at(16, 0) - 1, 'tomorrow', true],
    [at(16, 9), 'tomorrow', false],
    [at(17, 0), 'day', true],
  ])('names the time of %d', (until, kind, midnight) => {
    expect(waitOf(until, now)).toMatchObject({ kind, midnight })
  })

  it('comes closer second by second, and is over', () => {
    const left = [3_000, 2_001, 2_000, 1, 0].map((ms) => waitOf(now + ms, now))
    expect(left).toEqual([
      { kind: 'seconds', count: 3 },
      { kind: 'seconds', count: 3 },
      { kind: 'seconds', count: 2 },
      { kind: 'seconds', count: 1 },
      { kind: 'over' },
    ])
  })
})
