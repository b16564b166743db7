// Starts what the browser talks to: the binary with an empty data directory, or (E2E_SERVER=mock) the stand-in. Needs web/dist.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const port = process.env.E2E_PORT
const isMock = process.env.E2E_SERVER === 'mock'
const data = mkdtempSync(join(tmpdir(), 'lionrocket-e2e-'))
const binary = process.env.LIONROCKET_BIN ?? here('../../target/debug/lionrocket')

const child = spawn(isMock ? process.execPath : binary, isMock ? [here('../testing/mock-server.mjs')] : [], {
  cwd: data,
  stdio: 'inherit',
  env: {
    PATH: process.env.PATH,
    HOST: '127.0.0.1',
    PORT: port,
    PUBLIC_ORIGINS: `http://127.0.0.1:${port}`,
    DATABASE_URL: `sqlite:///${join(data, 'app.db')}`,
    LANGUAGE_MODEL: 'demo',
    DEMO_DELAY_MS: '15',
    // One address signs up a dozen people here.
    RATE_LIMIT: 'off',
  },
})
const stop = () => child.kill('SIGTERM')
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
child.on('exit', (code) => {
  rmSync(data, { recursive: true, force: true })
  process.exit(code ?? 0)
})
