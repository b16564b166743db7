import { expect, it } from 'vitest'

const files = import.meta.glob<string>('../**/*.{ts,vue}', { query: '?raw', import: 'default', eager: true })
const sources = Object.entries(files)
  .map(([path, text]) => ({ name: path.replace(/^\.\.\//, '').replace(/^\.\//, 'app/'), text }))
  .filter(({ name }) => !/\.test\.ts$|^api\/generated\//.test(name))

it('no source names a storage of the browser, but for the preferences', () => {
  const names = sources
    .filter(({ text }) =>
      /\b(?:localStorage|sessionStorage|use(?:Local|Session)?Storage|document\.cookie)\b/i.test(text),
    )
    .map(({ name }) => name)
  expect(names).toEqual(['shell/ui.store.ts'])
})

it('what is kept in databases knows no token', () => {
  const names = sources.filter(({ text }) => /idb-keyval|indexedDB/.test(text))
  expect(names.map(({ name }) => name)).toEqual(['features/chat/draft.store.ts'])
  for (const { text } of names) expect(text).not.toMatch(/token|password|secret/i)
})

it('the preferences know no token', () => {
  const store = sources.find(({ name }) => name === 'shell/ui.store.ts')
  expect(store?.text).not.toMatch(/token|password|secret/i)
})
