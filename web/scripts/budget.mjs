// Fails when a screen's first JavaScript or CSS, or one lazy chunk, weighs more than it may. Sizes are gzip, in KB of 1024 bytes.
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8'))
const screens = [
  { name: 'login', entries: ['index.html', 'src/features/auth/LoginView.vue'], js: 130 },
  {
    name: 'chat',
    entries: [
      'index.html',
      'src/app/WorkspaceLayout.vue',
      'src/features/chat/ChatView.vue',
      'src/features/chat/DetailsPane.vue',
      'src/locales/ko.workspace.json',
    ],
    js: 200,
  },
  {
    name: 'characters',
    entries: [
      'index.html',
      'src/app/WorkspaceLayout.vue',
      'src/features/characters/GalleryView.vue',
      'src/locales/ko.workspace.json',
    ],
    js: 200,
  },
]
const CSS_LIMIT = 12
const LAZY_LIMIT = 60

const sizes = new Map()
async function size(file) {
  if (!sizes.has(file))
    sizes.set(file, gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length / 1024)
  return sizes.get(file)
}

/** Everything the browser must have before a screen shows: the entries, what they import statically, and one language. */
function closure(keys) {
  const seen = new Set()
  const visit = (key) => {
    const chunk = manifest[key]
    if (!chunk) throw new Error(`budget: ${key} is not in the build`)
    if (seen.has(key)) return
    seen.add(key)
    for (const next of chunk.imports ?? []) visit(next)
  }
  keys.forEach(visit)
  return [...seen].map((key) => manifest[key])
}

let failed = false
const firstFiles = new Set()
function report(what, value, limit) {
  const over = value > limit
  failed ||= over
  console.log(`${over ? 'OVER' : 'ok  '} ${what}: ${value.toFixed(1)} / ${limit} KB`)
}

for (const screen of screens) {
  const chunks = closure([...screen.entries, 'src/locales/ko.json'])
  const js = new Set(chunks.map((chunk) => chunk.file).filter((file) => file.endsWith('.js')))
  const css = new Set(chunks.flatMap((chunk) => chunk.css ?? []))
  let jsSize = 0
  let cssSize = 0
  for (const file of js) {
    firstFiles.add(file)
    jsSize += await size(file)
  }
  for (const file of css) cssSize += await size(file)
  report(`${screen.name} JS`, jsSize, screen.js)
  report(`${screen.name} CSS`, cssSize, CSS_LIMIT)
}
for (const chunk of Object.values(manifest)) {
  if (!chunk.isDynamicEntry || firstFiles.has(chunk.file) || !chunk.file.endsWith('.js')) continue
  report(`lazy ${chunk.file}`, await size(chunk.file), LAZY_LIMIT)
}
if (failed) process.exit(1)
