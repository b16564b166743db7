import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type axeCore from 'axe-core'
import { type BrowserContext, type ConsoleMessage, type Page, test as base, expect } from '@playwright/test'

type Words = Record<string, Record<string, string>>
const part = (name: string) =>
  JSON.parse(readFileSync(new URL(`../src/locales/${name}.json`, import.meta.url), 'utf8')) as Words
const read = (name: string): Words => ({
  ...part(name),
  ...part(`${name}.account`),
  ...part(`${name}.workspace`),
})
const locales: Record<string, Words> = { ko: read('ko'), en: read('en') }
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export interface Fixtures {
  /** The words of the language under test: `w('auth.login')`. */
  w: (key: string, values?: Record<string, string | number>) => string
  /** What the page complained about; any entry fails the test. */
  complaints: string[]
}

/** The browser notes every answer that says no. Of those about accounts (nobody is signed in yet, say) people are told on the page. */
function isRefusal(message: ConsoleMessage): boolean {
  return (
    /^Failed to load resource: .* status of (?:4(?:01|03|09|12|22|29)|503)\b/.test(message.text()) &&
    /\/auth\/|\/(?:messages|regenerate|continue|edit|summary)$/.test(new URL(message.location().url).pathname)
  )
}

export const test = base.extend<Fixtures>({
  w: async ({ locale }, use) => {
    const words = locales[locale?.slice(0, 2) ?? 'ko'] ?? {}
    await use((key, values = {}) => {
      const [area = '', name = ''] = key.split('.')
      const text = words[area]?.[name]
      if (text === undefined) throw new Error(`no such words: ${key}`)
      return text.replace(/\{(\w+)\}/g, (_all, slot: string) => String(values[slot] ?? ''))
    })
  },
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return
        if (!isRefusal(message)) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('requestfailed', (request) => {
        // Leaving a page cuts its open streams; anything else that fails is a defect.
        if (!/ERR_ABORTED/.test(request.failure()?.errorText ?? ''))
          complaints.push(`failed: ${request.url()}`)
      })
      page.on('request', (request) => {
        const url = new URL(request.url())
        if (url.protocol.startsWith('http') && url.hostname !== '127.0.0.1')
          complaints.push(`left the origin: ${url.href}`)
      })
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) =>
          console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
        )
      })
      await use(complaints)
      expect(complaints).toEqual([])
    },
    { auto: true },
  ],
})
export { expect }

let people = 0
export const PASSWORD = 'Correct-horse battery staple 83'

/** Signs a new person up and stands on the welcome page afterwards. Resolves to the name. */
export async function register(page: Page, w: Fixtures['w']): Promise<string> {
  people += 1
  const name = `reader_${Date.now().toString(36)}_${people}`
  await page.goto('/register')
  await page.getByLabel(w('auth.username'), { exact: true }).fill(name)
  await page.getByLabel(w('auth.email'), { exact: true }).fill(`${name}@example.com`)
  await page.getByLabel(w('auth.password'), { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: w('auth.register') }).click()
  await expect(page.getByRole('heading', { name: w('welcome.title') })).toBeVisible()
  return name
}

/** Signs a known person in, on the sign-in page as it stands. */
export async function signIn(page: Page, w: Fixtures['w'], name: string, password = PASSWORD): Promise<void> {
  await page.getByLabel(w('auth.username_or_email')).fill(name)
  await page.getByLabel(w('auth.password'), { exact: true }).fill(password)
  await page.getByRole('button', { name: w('auth.login') }).click()
}

/** Everything that a script of the application could have put away in this browser. */
export async function stored(context: BrowserContext): Promise<string> {
  const texts: string[] = []
  for (const page of context.pages()) {
    texts.push(
      await page.evaluate(async () => {
        const kept: unknown[] = [
          { ...localStorage },
          { ...sessionStorage },
          document.cookie,
          location.href,
          history.state,
        ]
        kept.push(await caches.keys().catch(() => []))
        for (const { name } of await indexedDB.databases()) {
          const database = await new Promise<IDBDatabase>((resolve, reject) => {
            const request = indexedDB.open(name ?? '')
            request.onsuccess = () => resolve(request.result)
            request.onerror = () => reject(new Error('closed'))
          })
          for (const store of database.objectStoreNames) {
            const all = database.transaction(store).objectStore(store).getAll()
            kept.push(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result))))
          }
          database.close()
        }
        return JSON.stringify(kept)
      }),
    )
  }
  return texts.join('\n')
}

/** Picks the first starter and waits until one can write to it. */
export async function openStarter(page: Page, w: Fixtures['w']): Promise<void> {
  await page.getByRole('main').getByRole('listitem').getByRole('button').first().click()
  await expect(page.getByRole('textbox', { name: w('composer.label') })).toBeVisible()
}

/** Fails on any finding of axe on the page as it stands. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  // Moving things have colours of their own in between.
  await page.evaluate(() => {
    const passing = document
      .getAnimations()
      .filter((animation) => animation.effect?.getTiming().iterations !== Infinity)
    return Promise.allSettled(passing.map((animation) => animation.finished))
  })
  await page.evaluate(axeSource)
  const findings = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof axeCore }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags } })
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`,
    )
  })
  expect(findings, what).toEqual([])
}
