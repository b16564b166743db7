// Lists words that no source file asks for, and fails when there are any. Areas whose keys come from the server are left out.
import { readdir, readFile } from 'node:fs/promises'

const src = new URL('../src/', import.meta.url)
const fromServer = new Set(['errors', 'fields'])
const parts = ['en.json', 'en.account.json', 'en.workspace.json'].map((name) =>
  readFile(new URL(`locales/${name}`, src), 'utf8'),
)
const words = Object.assign({}, ...(await Promise.all(parts)).map((text) => JSON.parse(text)))
const names = (await readdir(src, { recursive: true })).filter(
  (name) => /\.(?:ts|vue)$/.test(name) && !name.startsWith('api/generated'),
)
const source = (await Promise.all(names.map((name) => readFile(new URL(name, src), 'utf8')))).join('\n')

const unused = Object.entries(words)
  .filter(([area]) => !fromServer.has(area))
  .flatMap(([area, keys]) => Object.keys(keys).map((key) => `${area}.${key}`))
  .filter((key) => !source.includes(`'${key}'`))
if (unused.length > 0) {
  console.error(`words that nobody uses:\n${unused.join('\n')}`)
  process.exit(1)
}
