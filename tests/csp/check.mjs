// Asks a running server for pages and for answers of the API, and has Google's evaluator look for
// holes in the content security policies that come with them.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Version } from 'csp_evaluator/dist/csp.js'
import { CspEvaluator } from 'csp_evaluator/dist/evaluator.js'
import { Severity } from 'csp_evaluator/dist/finding.js'
import { CspParser } from 'csp_evaluator/dist/parser.js'

const BINARY = resolve(import.meta.dirname, '../..', process.env.BINARY ?? 'target/debug/lionrocket')
const PATIENCE_MS = 60_000
// The evaluator's lower figures are graver; from here on it says "possible", or only informs.
const GRAVEST_ALLOWED = Severity.HIGH_MAYBE

const REQUESTS = [
  ['GET', '/', 'text/html'],
  ['GET', '/chats/7', 'text/html'],
  ['GET', '/docs', 'text/html'],
  ['GET', '/openapi.json', '*/*'],
  ['GET', '/api/config', '*/*'],
  ['GET', '/readyz', '*/*'],
  ['GET', '/auth/me', '*/*'],
  ['GET', '/api/nothing', 'text/html'],
  ['POST', '/auth/login', '*/*'],
  ['DELETE', '/api/config', '*/*'],
]

/** Starts a server in a directory of its own and waits until it listens. */
async function serve(directory) {
  const env = { PORT: '0', LANGUAGE_MODEL: 'demo' }
  const server = spawn(BINARY, ['serve'], { cwd: directory, env })
  let log = ''
  const base = new Promise((found, failed) => {
    const read = (piece) => {
      log += piece
      const match = log.match(/listens on (http:\/\/[^ "]+)/)
      if (match) found(match[1])
    }
    server.stdout.on('data', read)
    server.stderr.on('data', read)
    server.on('error', failed)
    server.on('exit', () => failed(new Error(`the server ended:\n${log}`)))
    setTimeout(() => failed(new Error(`the server did not start:\n${log}`)), PATIENCE_MS).unref()
  })
  return { server, base: await base }
}

/** What is wrong with an answer's policy, and the policy itself. */
async function examine(base, [method, path, accept]) {
  const answer = await fetch(base + path, {
    method,
    headers: { accept },
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  await answer.arrayBuffer()
  const policy = answer.headers.get('content-security-policy')
  if (policy === null) return { policy, findings: ['there is no policy'] }
  const evaluator = new CspEvaluator(new CspParser(policy).csp, Version.CSP3)
  const grave = evaluator.evaluate().filter(({ severity }) => severity < GRAVEST_ALLOWED)
  return {
    policy,
    findings: grave.map(({ severity, directive, description }) => `${severity} ${directive}: ${description}`),
  }
}

const directory = mkdtempSync(join(tmpdir(), 'lionrocket-csp-'))
const { server, base } = await serve(directory)
const policies = new Set()
let wrong = 0
try {
  for (const request of REQUESTS) {
    const { policy, findings } = await examine(base, request)
    policies.add(policy)
    wrong += findings.length
    for (const finding of findings) console.error(`${request.slice(0, 2).join(' ')}: ${finding}`)
  }
} finally {
  server.removeAllListeners('exit')
  const ended = new Promise((over) => server.on('exit', over))
  server.kill()
  await ended
  rmSync(directory, { recursive: true })
}
// The evaluator must have been at work: it knows what is wrong with this one.
const open = new CspEvaluator(new CspParser("script-src 'unsafe-inline' *").csp, Version.CSP3)
if (!open.evaluate().some(({ severity }) => severity === Severity.HIGH)) wrong += 1
console.log(`${REQUESTS.length} answers with ${policies.size} policies, ${wrong} findings`)
process.exitCode = wrong === 0 ? 0 : 1
