import { describe, expect, it } from 'vitest'

// The page is written from the server's own tables.
const page = Object.values(
  import.meta.glob<string>('../../../docs/ERRORS.md', { query: '?raw', import: 'default', eager: true }),
).join('')
const locales = import.meta.glob<string>('./*.json', { query: '?raw', import: 'default', eager: true })
const [problems = '', fields = ''] = page.split('\n## Fields\n')
const codes = [...problems.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].map((match) => match[1] ?? '')
const fieldCodes = [...fields.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '')

describe.each(['ko', 'en'])('%s', (name) => {
  const words = JSON.parse(locales[`./${name}.json`] ?? '') as Record<string, Record<string, string>>

  it('has a text for every problem of the server', () => {
    expect(codes.length).toBeGreaterThan(20)
    expect(codes.filter((code) => !words['errors']?.[code])).toEqual([])
  })
  it('has a text for everything that can be wrong with a field', () => {
    expect(fieldCodes.length).toBeGreaterThan(10)
    expect(fieldCodes.filter((code) => !words['fields']?.[code])).toEqual([])
  })
})
