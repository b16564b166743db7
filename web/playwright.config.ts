import { execFileSync } from 'node:child_process'
import { defineConfig } from '@playwright/test'

// The workers inherit the environment, so that all of them speak of the same port.
process.env['E2E_PORT'] ??= execFileSync(process.execPath, [
  '-e',
  'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })',
])
  .toString()
  .trim()
const origin = `http://127.0.0.1:${process.env['E2E_PORT']}`

const desktop = { viewport: { width: 1440, height: 900 } }
/** The page of the API has one language and no form for phones: one browser of the four is enough. */
const notOfTheApp = { testIgnore: 'docs.spec.ts' }
const mobile = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

export default defineConfig({
  testDir: 'e2e',
  workers: 1,
  forbidOnly: Boolean(process.env['CI']),
  reporter: 'list',
  // Long enough for a machine that does other things as well: a test that passes takes a few seconds.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    baseURL: origin,
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'desktop-ko', ...notOfTheApp, use: { ...desktop, locale: 'ko-KR' } },
    { name: 'desktop-en', use: { ...desktop, locale: 'en-US' } },
    { name: 'mobile-ko', ...notOfTheApp, use: { ...mobile, locale: 'ko-KR' } },
    { name: 'mobile-en', ...notOfTheApp, use: { ...mobile, locale: 'en-US' } },
  ],
  webServer: {
    command: 'node e2e/start-server.mjs',
    url: `${origin}/readyz`,
    reuseExistingServer: false,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
  },
})
