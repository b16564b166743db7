import type { Locator, Page } from '@playwright/test'
import { expect, type Fixtures, openStarter, register } from './fixtures'
import { test } from './house'

type Words = Fixtures['w']

/** Makes the reply pause after a few words, so that something can happen in the middle of it. */
const PAUSE = '[[sim:stall;after=6;ms=3000]]'

const article = (page: Page) => page.getByRole('feed').getByRole('article')
const lastReply = (page: Page) => article(page).last()
const composer = (page: Page, w: Words) => page.getByRole('textbox', { name: w('composer.label') })
const textOf = (reply: Locator) => reply.locator('.prose').first().innerText()

async function say(page: Page, w: Words, text: string): Promise<void> {
  await composer(page, w).fill(text)
  await composer(page, w).press('Enter')
}

/** Waits until the reply has grown to this many characters and is still being written. */
async function untilWritten(page: Page, length: number): Promise<void> {
  await page.waitForFunction(
    (least) =>
      (document.querySelector('article[aria-busy="true"] .prose')?.textContent?.length ?? 0) >= least,
    length,
  )
}

/** Waits until the last reply has come to this end. */
async function untilEnded(page: Page, status = 'complete'): Promise<void> {
  await expect(lastReply(page)).not.toHaveAttribute('aria-busy', 'true', { timeout: 40_000 })
  await expect(lastReply(page)).toHaveAttribute('data-status', status)
}

/** Notes each text of the live reply that is no longer one of the text before: a jump. */
async function watchJumps(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const jumps: string[] = []
    Object.assign(window, { jumps })
    let before = ''
    new MutationObserver(() => {
      const live = document.querySelector('article[aria-busy="true"]')
      if (!live) return
      const text = [...live.querySelectorAll('.prose')].map((block) => block.textContent.trim()).join('')
      if (text.length < before.length) jumps.push(`${before} -> ${text}`)
      before = text
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  return () => page.evaluate(() => (window as unknown as { jumps: string[] }).jumps)
}

let authorization = ''

test.beforeEach(async ({ page, w }) => {
  page.on('request', (request) => (authorization = request.headers()['authorization'] ?? authorization))
  await register(page, w)
  await openStarter(page, w)
})

/** What the server has of the shown branch. */
async function stored(page: Page): Promise<{ id: number; content: string; status: string }[]> {
  const id = /\d+$/.exec(new URL(page.url()).pathname)?.[0]
  const answer = await page.request.get(`/api/chats/${id}/messages?limit=100`, { headers: { authorization } })
  return ((await answer.json()) as { items: { id: number; content: string; status: string }[] }).items
}

/** Expects that the last reply says what the server has of it, to the letter; its marks are drawn, not written. */
async function expectSame(page: Page): Promise<void> {
  const bare = (text = '') => text.replace(/[\s*]+/g, '')
  expect(bare(await textOf(lastReply(page)))).toBe(bare((await stored(page)).at(-1)?.content))
}

test('a tab that stands by shows what is said in another', async ({ page, context, w }) => {
  const second = await context.newPage()
  await second.goto(page.url())
  await expect(composer(second, w)).toBeVisible()
  await say(page, w, '안녕하세요!')
  await untilEnded(second)
  await untilEnded(page)
  await expect(second.getByRole('feed').getByText('안녕하세요!', { exact: true })).toBeVisible()
  expect(await textOf(lastReply(second))).toBe(await textOf(lastReply(page)))
})

test('a reload in the middle of a reply goes on with it, to the letter', async ({ page, w }) => {
  await say(page, w, PAUSE)
  await untilWritten(page, 4)
  await composer(page, w).fill('아직 보내지 않은 말')
  await page.reload()
  const jumps = await watchJumps(page)
  await untilEnded(page)
  expect(await jumps()).toEqual([])
  await expectSame(page)
  await expect(composer(page, w)).toHaveValue('아직 보내지 않은 말')
})

test('a cut of the network costs nothing', async ({ page, house, w, complaints }) => {
  const jumps = await watchJumps(page)
  await say(page, w, PAUSE)
  await untilWritten(page, 4)
  await composer(page, w).fill('다음 말')
  const told = page.getByText(w('connection.offline')).or(page.getByText(w('connection.reconnecting')))
  house.cut()
  house.mend()
  await expect(told).toBeHidden()
  house.cut()
  await expect(told).toBeVisible()
  house.mend()
  await expect(told).toBeHidden()
  await untilEnded(page)
  expect(await jumps()).toEqual([])
  await expectSame(page)
  await expect(composer(page, w)).toHaveValue('다음 말')
  await expect(article(page)).toHaveCount(3)
  complaints.splice(0)
})
