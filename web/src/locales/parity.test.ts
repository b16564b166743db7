import { describe, expect, it } from 'vitest'

type Tree = { [key: string]: string | Tree }

// Read as text: the build turns the JSON modules into compiled messages.
const files = import.meta.glob<string>('./*.json', { query: '?raw', import: 'default', eager: true })
const read = (name: string) => JSON.parse(files[`./${name}`] ?? '') as Tree

function flatten(tree: Tree, prefix = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') all.set(prefix + key, value)
    else for (const [inner, text] of flatten(value, `${prefix}${key}.`)) all.set(inner, text)
  }
  return all
}
const placeholders = (text: string) =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort()

const others = Object.keys(files)
  .map((path) => path.slice(2))
  .filter((name) => !name.startsWith('en.'))

describe.each(others)('%s', (name) => {
  const words = flatten(read(name))
  const reference = flatten(read(name.replace(/^\w+/, 'en')))
  it('has the keys of English and no others', () => {
    expect([...words.keys()].sort()).toEqual([...reference.keys()].sort())
  })
  it('has the placeholders of English', () => {
    for (const [key, text] of reference)
      expect([key, placeholders(words.get(key) ?? '')]).toEqual([key, placeholders(text)])
  })
  it('leaves nothing empty', () => {
    for (const [key, text] of words) expect([key, text.trim()]).not.toEqual([key, ''])
  })
  it('never glues a particle that depends on the sound before it', () => {
    if (!name.startsWith('ko.')) return
    for (const [key, text] of words) {
      expect([key, /\{\w+\}(?:은|는|이|가|을|를|와|과|으로|로|아|야|랑)(?![가-힣])/.test(text)]).toEqual([
        key,
        false,
      ])
    }
  })
})
