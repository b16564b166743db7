import { describe, expect, it } from 'vitest'
import { agentOf } from './agent'
import { ago } from './ago'

describe('agentOf', () => {
  it.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 Edg/120.0',
      { browser: 'Edge', system: 'Windows', isPhone: false },
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S918N) AppleWebKit/537.36 SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36',
      { browser: 'Samsung Internet', system: 'Android', isPhone: true },
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1',
      { browser: 'Safari', system: 'iPhone', isPhone: true },
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
      { browser: 'Firefox', system: 'Linux', isPhone: false },
    ],
    ['<script>alert(1)</script>', { browser: '', system: '', isPhone: false }],
    [null, { browser: '', system: '', isPhone: false }],
  ])('recognises %j', (text, expected) => expect(agentOf(text)).toEqual(expected))
})

describe('ago', () => {
  const now = new Date('2026-01-15T12:00:00Z')
  it.each([
    ['2026-01-15T11:59:30Z', 'ko', '지금'],
    ['2026-01-15T11:55:00Z', 'ko', '5분 전'],
    ['2026-01-15T09:00:00Z', 'en', '3 hours ago'],
    ['2026-01-14T09:00:00Z', 'ko', '어제'],
    ['2025-11-01T00:00:00Z', 'en', '2 months ago'],
    ['2027-01-01T00:00:00Z', 'en', 'now'],
  ])('says %s in %s', (time, locale, expected) => expect(ago(new Date(time), now, locale)).toBe(expected))
})
