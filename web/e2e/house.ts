import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test as base } from './fixtures'

const built = (name: string) => fileURLToPath(new URL(`../../target/debug/${name}`, import.meta.url))
const BINARY = process.env['LIONROCKET_BIN'] ?? built('lionrocket')
const SIMULATOR = process.env['CLAUDE_SIM_BIN'] ?? built('lionrocket-claude-sim')
/** Between two pieces of a reply. */
const PACE_MS = '15'

/** A service of its own that can be killed, behind a wire that can be cut, with a simulated model that fails on request. */
export class House {
  #data = mkdtempSync(join(tmpdir(), 'lionrocket-house-'))
  #sockets = new Set<Socket>()
  #wire = createServer((near) => this.#connect(near))
  #server: ChildProcess | null = null
  #simulator: ChildProcess | null = null
  #upstream = ''
  #port = 0
  #isCut = false
  origin = ''

  async open(): Promise<void> {
    const simulator = spawn(SIMULATOR, [], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], CLAUDE_SIM_ITL_MS: PACE_MS },
    })
    this.#simulator = simulator
    const [line] = (await once(simulator.stdout, 'data')) as [Buffer]
    this.#upstream = line.toString().trim()
    this.#wire.listen(0, '127.0.0.1')
    await once(this.#wire, 'listening')
    this.origin = `http://127.0.0.1:${(this.#wire.address() as AddressInfo).port}`
    this.#port = await freePort()
    await this.start()
  }

  /** Starts the server on the data that is there. */
  async start(settings: Record<string, string> = {}): Promise<void> {
    this.#server = spawn(BINARY, [], {
      cwd: this.#data,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: String(this.#port),
        PUBLIC_ORIGINS: this.origin,
        DATABASE_URL: `sqlite:///${join(this.#data, 'app.db')}`,
        CLAUDE_API_KEY: 'a-key-of-the-tests',
        CLAUDE_BASE_URL: this.#upstream,
        RATE_LIMIT: 'off',
        LOG_LEVEL: 'error',
        ...settings,
      },
    })
    const isReady = () =>
      fetch(`http://127.0.0.1:${this.#port}/readyz`, { headers: { host: new URL(this.origin).host } }).then(
        ({ ok }) => ok,
        () => false,
      )
    while (!(await isReady())) await new Promise((done) => setTimeout(done, 25))
  }

  /** Kills the server as a crash does. */
  async kill(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = null
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }

  /** Nothing comes through, and what was open is gone. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    this.#wire.close()
    await this.kill()
    this.#simulator?.kill('SIGTERM')
    rmSync(this.#data, { recursive: true, force: true })
  }

  #connect(near: Socket): void {
    if (this.#isCut) {
      near.destroy()
      return
    }
    const far = createConnection({ host: '127.0.0.1', port: this.#port })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export const test = base.extend<{ house: House }>({
  house: async ({}, use) => {
    const house = new House()
    await house.open()
    await use(house)
    await house.close()
  },
  baseURL: async ({ house }, use) => use(house.origin),
})
