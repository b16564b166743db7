// Writes a .br and a .gz beside every text file of the build above 1 KB, so that the server never compresses at run time.
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
const text = new Set(['.css', '.html', '.js', '.json', '.map', '.svg', '.txt', '.webmanifest'])
const brotli = promisify(brotliCompress)
const gz = promisify(gzip)

async function* files(dir) {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else yield path
  }
}

let count = 0
for await (const path of files(dist)) {
  if (!text.has(extname(path)) || (await stat(path)).size <= 1024) continue
  const body = await readFile(path)
  await writeFile(
    `${path}.br`,
    await brotli(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  )
  await writeFile(`${path}.gz`, await gz(body, { level: 9 }))
  count += 1
}
// The manifest is for the budget check only; a server has no use for it.
await rm(join(dist, '.vite'), { recursive: true, force: true })
console.log(`compressed ${count} files`)
