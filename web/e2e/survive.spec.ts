import type { Locator, Page } from '@playwright/test'
import { expect, expectAccessible, type Fixtures, openStarter, register, signIn } from './fixtures'
import { test } from './house'

type Words = Fixtures['w']

/** Makes the reply pause after a few words: for good, so that something can happen in the middle of it, or for a while. */
const HOLD = '[[sim:stall;after=6;ms=600000]]'
const PAUSE = '[[sim:stall;after=6;ms=3000]]'

const article = (page: Page) => page.getByRole('feed').getByRole('article')
const lastReply = (page: Page) => article(page).last()
const composer = (page: Page, w: Words) => page.getByRole('textbox', { name: w('composer.label') })
const textOf = (reply: Locator) => reply.locator('.prose').first().innerText()

/** Sends a message and waits until it is shown. */
async function say(page: Page, w: Words, text: string): Promise<void> {
  const place = async () => Number(await lastReply(page).getAttribute('aria-posinset'))
  const before = await place()
  await composer(page, w).fill(text)
  await composer(page, w).press('Enter')
  await expect.poll(place).toBeGreaterThan(before)
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

/** Waits until the conversation has not been scrolled for some frames: a wheel turns on for a while. */
async function untilStill(page: Page): Promise<void> {
  await page.locator('#conversation').evaluate(async (scroller) => {
    for (let still = 0, top = -1; still < 20; still += 1) {
      await new Promise(requestAnimationFrame)
      if (scroller.scrollTop !== top) still = 0
      top = scroller.scrollTop
    }
  })
}

/** Does something with a message: with its tools where there is a pointer, with its menu where there are fingers. */
async function act(page: Page, w: Words, row: Locator, key: string): Promise<void> {
  const tool = row.getByRole('button', { name: w(key), exact: true })
  const menu = row.getByRole('button', { name: w('chat.message_menu') })
  if (await menu.isVisible()) {
    await menu.click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: w(key), exact: true })
      .click()
    return
  }
  // A list that still moves takes the row away from under the pointer.
  await expect(async () => {
    await row.hover()
    await expect(tool).toBeVisible({ timeout: 1_000 })
  }).toPass()
  await tool.click()
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

let name = ''
let authorization = ''

test.beforeEach(async ({ page, w }) => {
  page.on('request', (request) => (authorization = request.headers()['authorization'] ?? authorization))
  name = await register(page, w)
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

test('a reply is stopped with the button that sent it, and goes on from there', async ({ page, w }) => {
  await say(page, w, HOLD)
  await untilWritten(page, 4)
  await page.getByRole('button', { name: w('composer.stop'), exact: true }).click()
  await untilEnded(page, 'stopped')
  await expect(lastReply(page).getByText(w('chat.stopped'))).toBeVisible()
  const cut = await textOf(lastReply(page))
  await page.reload()
  await expect(lastReply(page).getByText(w('chat.stopped'))).toBeVisible()
  expect(await textOf(lastReply(page))).toBe(cut)

  await lastReply(page)
    .getByRole('button', { name: w('chat.continue') })
    .click()
  await expect(lastReply(page)).toHaveAttribute('aria-busy', 'true')
  await expect(lastReply(page)).toContainText(cut)
  await untilEnded(page)
  const whole = await stored(page)
  expect(whole.at(-1)?.content.startsWith(cut)).toBe(true)
  expect(whole.at(-1)?.content.length).toBeGreaterThan(cut.length)
  await expect(lastReply(page).getByText('2/2')).toBeVisible()
})

test('Esc stops a reply, and it is said aloud', async ({ page, w }) => {
  await say(page, w, HOLD)
  await untilWritten(page, 4)
  await composer(page, w).fill('다음 말')
  await page.keyboard.press('Escape')
  await untilEnded(page, 'stopped')
  await expect(page.getByRole('status').filter({ hasText: w('chat.announce_stopped') })).toBeAttached()
  await expect(composer(page, w)).toBeFocused()
  await expect(composer(page, w)).toHaveValue('다음 말')
})

test('a second tab shows the same reply, and stops it for both', async ({ page, context, w }) => {
  await say(page, w, HOLD)
  await untilWritten(page, 2)
  const second = await context.newPage()
  await second.goto(page.url())
  await untilWritten(second, 4)
  await second.getByRole('button', { name: w('composer.stop'), exact: true }).click()
  await untilEnded(second, 'stopped')
  await untilEnded(page, 'stopped')
  expect(await textOf(lastReply(page))).toBe(await textOf(lastReply(second)))
})

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

test('a reply goes on although the server was killed in the middle of it', async ({
  page,
  house,
  w,
  complaints,
}) => {
  await say(page, w, HOLD)
  await untilWritten(page, 4)
  await house.kill()
  await house.start()
  await untilEnded(page)
  expect(await stored(page)).toHaveLength(3)
  await expectSame(page)
  complaints.splice(0)
})

test('what a crash cut off goes on when it is asked to', async ({ page, house, w, complaints }) => {
  await say(page, w, HOLD)
  await untilWritten(page, 4)
  await house.kill()
  await house.start({ ON_INTERRUPT: 'keep' })
  await untilEnded(page, 'interrupted')
  await expect(lastReply(page).getByText(w('chat.reply_interrupted'))).toBeVisible()
  await expect(lastReply(page).getByRole('button', { name: w('app.retry') })).toBeVisible()
  await lastReply(page)
    .getByRole('button', { name: w('chat.continue') })
    .click()
  await untilEnded(page)
  complaints.splice(0)
})

test('another reply stands beside the first, and one switches between them', async ({ page, w }) => {
  await say(page, w, '안녕하세요!')
  await untilEnded(page)
  const first = await textOf(lastReply(page))
  const posts: string[] = []
  page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()))
  await lastReply(page)
    .getByRole('button', { name: w('chat.regenerate') })
    .dblclick()
  await untilEnded(page)
  expect(posts.filter((url) => url.endsWith('/regenerate'))).toHaveLength(1)
  const group = lastReply(page).getByRole('group', { name: w('chat.variant_label', { at: 2, count: 2 }) })
  await expect(group).toBeVisible()
  const second = (await stored(page)).at(-1)?.id

  await lastReply(page)
    .getByRole('button', { name: w('chat.variant_before') })
    .click()
  await expect(lastReply(page).getByText('1/2')).toBeVisible()
  expect(await textOf(lastReply(page))).toBe(first)
  await page.keyboard.press('ArrowRight')
  await expect(lastReply(page).getByText('2/2')).toBeVisible()
  await page.keyboard.press('ArrowLeft')
  await expect(lastReply(page).getByText('1/2')).toBeVisible()
  await page.reload()
  await expect(lastReply(page).getByText('1/2')).toBeVisible()
  expect((await stored(page)).at(-1)?.id).not.toBe(second)
})

test('an own message is edited in its place, and the old words are kept', async ({ page, w }) => {
  await say(page, w, '첫 번째 말')
  await untilEnded(page)
  await say(page, w, '두 번째 말')
  await untilEnded(page)
  await expect(article(page)).toHaveCount(5)
  const own = article(page).nth(1)
  await act(page, w, own, 'chat.edit')
  const field = page.getByRole('textbox', { name: w('chat.edit_label') })
  await expect(field).toBeFocused()
  await expect(field).toHaveValue('첫 번째 말')
  await field.fill('가'.repeat(201))
  await expect(own.getByText(w('composer.over', { over: 1 }))).toBeVisible()
  await expect(own.getByRole('button', { name: w('composer.send') })).toBeDisabled()
  await field.press('Escape')
  await expect(own.getByText('첫 번째 말')).toBeVisible()

  await act(page, w, own, 'chat.edit')
  await field.fill('고친 첫 번째 말')
  await field.press('Enter')
  await expect(article(page)).toHaveCount(3)
  await untilEnded(page)
  await expect(own.getByText('2/2')).toBeVisible()

  await own.getByRole('button', { name: w('chat.variant_before') }).click()
  await expect(article(page)).toHaveCount(5)
  await expect(own.getByText('첫 번째 말', { exact: true })).toBeVisible()
  await expect(page.getByText('두 번째 말', { exact: true })).toBeVisible()
})

test('a conversation goes on from an earlier reply, and what followed it is kept', async ({
  page,
  w,
  isMobile,
}) => {
  for (const text of ['첫 번째 말', '두 번째 말']) {
    await say(page, w, text)
    await untilEnded(page)
  }
  const from = article(page).nth(2)
  await act(page, w, from, 'chat.branch')
  const note = page.getByText(w('chat.branch_note'))
  await expect(note.first()).toBeVisible()
  await expect(article(page)).toHaveCount(3)
  if (!isMobile) await expect(composer(page, w)).toBeFocused()
  await page.getByRole('button', { name: w('chat.branch_leave') }).click()
  await expect(article(page)).toHaveCount(5)

  await act(page, w, from, 'chat.branch')
  await say(page, w, '다른 두 번째 말')
  await untilEnded(page)
  await expect(article(page)).toHaveCount(5)
  await expect(page.getByRole('button', { name: w('chat.branch_leave') })).toBeHidden()
  const own = article(page).nth(3)
  await expect(own.getByText('2/2')).toBeVisible()
  await own.getByRole('button', { name: w('chat.variant_before') }).click()
  await expect(own.getByText('두 번째 말', { exact: true })).toBeVisible()
  await expect(article(page)).toHaveCount(5)
})

test('a message does what its keys say', async ({ page, context, w, isMobile }) => {
  test.skip(isMobile === true, 'a phone has no keys')
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await say(page, w, '안녕하세요!')
  await untilEnded(page)
  const posts: string[] = []
  page.on('request', (request) => request.method() === 'POST' && posts.push(request.url()))
  await page.getByRole('feed').focus()
  await page.keyboard.press('End')
  await expect(lastReply(page)).toBeFocused()
  await page.keyboard.press('c')
  await expect(page.getByText(w('chat.copied'))).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe((await stored(page)).at(-1)?.content)
  await page.keyboard.press('r')
  await expect(lastReply(page).getByText('2/2')).toBeVisible()
  await untilEnded(page)
  await lastReply(page).focus()
  await page.keyboard.press('[')
  await expect(lastReply(page).getByText('1/2')).toBeVisible()
  await page.keyboard.press('PageUp')
  await page.keyboard.press('e')
  await expect(page.getByRole('textbox', { name: w('chat.edit_label') })).toBeFocused()
  await page.keyboard.press('Escape')
  await page.keyboard.press('PageUp')
  await page.keyboard.press('b')
  await expect(composer(page, w)).toBeFocused()
  await expect(composer(page, w)).toHaveValue('')
  await expect(article(page)).toHaveCount(1)
  await page.keyboard.press('Escape')
  await expect(article(page)).toHaveCount(3)
  expect(posts.filter((url) => url.endsWith('/regenerate'))).toHaveLength(1)

  await lastReply(page).focus()
  await page.keyboard.press('?')
  const dialog = page.getByRole('dialog', { name: w('keys.title') })
  await dialog.getByRole('switch', { name: w('keys.single') }).click()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await lastReply(page).focus()
  await page.keyboard.press('r')
  await page.keyboard.press('?')
  await page.keyboard.press('PageUp')
  await expect(article(page).nth(1)).toBeFocused()
  await expect(dialog).toBeHidden()
  expect(posts.filter((url) => url.endsWith('/regenerate'))).toHaveLength(1)
})

test('the switch stays under the pointer while what follows it changes', async ({ page, w }) => {
  const { width = 0 } = page.viewportSize() ?? {}
  await page.setViewportSize({ width, height: 480 })
  for (const text of ['하나', '둘', '셋']) {
    await say(page, w, text)
    await untilEnded(page)
  }
  const own = page.getByRole('article', { name: new RegExp(`^${w('chat.you')}`) }).filter({ hasText: '둘' })
  // A person who reads further up does not want to be taken to the end.
  const readUp = async () => {
    await page.locator('#conversation').hover()
    await page.mouse.wheel(0, -40)
    await own.scrollIntoViewIfNeeded()
    await untilStill(page)
  }
  await readUp()
  await act(page, w, own, 'chat.edit')
  await page.getByRole('textbox', { name: w('chat.edit_label') }).fill('둘과 반')
  await page.keyboard.press('Enter')
  await untilEnded(page)
  await readUp()
  const step = async (name: string) => {
    const button = own.getByRole('button', { name: w(name) })
    await button.hover()
    const before = await button.boundingBox()
    await button.click()
    await expect(button).toHaveAttribute('aria-disabled', 'true')
    await expect
      .poll(async () => Math.abs(((await button.boundingBox())?.y ?? 0) - (before?.y ?? 0)))
      .toBeLessThanOrEqual(1)
  }
  await step('chat.variant_before')
  await step('chat.variant_after')
  await step('chat.variant_before')
})

test('an edit that could not be sent is still there, also after a reload', async ({
  page,
  w,
  complaints,
}) => {
  await say(page, w, '첫 번째 말')
  await untilEnded(page)
  await act(page, w, article(page).nth(1), 'chat.edit')
  const field = page.getByRole('textbox', { name: w('chat.edit_label') })
  await field.fill('고친 말')
  await page.route('**/edit', (route) =>
    route.fulfill({ status: 500, json: { status: 500, code: 'internal' } }),
  )
  await field.press('Enter')
  await expect(page.getByRole('alert').filter({ hasText: w('chat.edit_failed') })).toBeVisible()
  await expect(field).toHaveValue('고친 말')
  await page.unroute('**/edit')
  await page.reload()
  await expect(field).toHaveValue('고친 말')
  await field.press('Enter')
  await untilEnded(page)
  await expect(article(page).nth(1).getByText('고친 말')).toBeVisible()
  complaints.splice(0)
})

test('a reply that failed is asked for again without typing', async ({ page, w }) => {
  const run = Date.now().toString(36)
  await say(page, w, `[[sim:error;status=529;retry-after-ms=10;times=3;run=${run}]]`)
  await untilEnded(page, 'failed')
  await expect(lastReply(page).getByText(w('chat.reply_missing'))).toBeVisible()
  await lastReply(page)
    .getByRole('button', { name: w('app.retry') })
    .click()
  await untilEnded(page)
  await expect(article(page)).toHaveCount(3)
  await expect(lastReply(page).getByText('2/2')).toBeVisible()
})

test('a reply that broke off or got too long goes on', async ({ page, w }) => {
  await say(page, w, '[[sim:midstream-error;after=6]]')
  await untilEnded(page, 'failed')
  await lastReply(page)
    .getByRole('button', { name: w('chat.continue') })
    .click()
  await untilEnded(page)
  await say(page, w, '[[sim:max-tokens;after=6]]')
  await untilEnded(page)
  await expect(lastReply(page).getByText(w('chat.too_long'))).toBeVisible()
  const cut = await textOf(lastReply(page))
  await lastReply(page)
    .getByRole('button', { name: w('chat.continue') })
    .click()
  await untilEnded(page)
  await expect(lastReply(page)).toContainText(cut)
  await expect(lastReply(page).getByText(w('chat.too_long'))).toBeHidden()
})

test('while another device is answered, a message waits with its words, and the answer is shown', async ({
  page,
  browser,
  baseURL,
  locale,
  w,
}) => {
  const elsewhere = await browser.newContext({ baseURL: baseURL ?? '', ...(locale ? { locale } : {}) })
  const there = await elsewhere.newPage()
  await there.goto(`/login?redirect=${new URL(page.url()).pathname}`)
  await signIn(there, w, name)
  await expect(composer(there, w)).toBeVisible()
  await say(page, w, HOLD)
  await untilWritten(page, 2)
  await say(there, w, '나도 왔어요')
  await expect(there.getByRole('alert').filter({ hasText: w('errors.turn_running') })).toBeVisible()
  await expect(there.locator('article[aria-busy="true"]')).toBeVisible()
  await page.keyboard.press('Escape')
  await untilEnded(page, 'stopped')
  await there.getByRole('button', { name: w('app.retry') }).click()
  await untilEnded(there)
  await expect(there.getByRole('feed').getByText('나도 왔어요', { exact: true })).toHaveCount(1)
  await elsewhere.close()
})

test('no state of a reply or an edit has a finding of axe', async ({ page, w, isMobile }) => {
  const check = async (what: string) => {
    // A tip of what lies under the pointer belongs to no part of the page.
    await page.mouse.move(0, 0)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await expectAccessible(page, `${what}, ${colorScheme}`)
    }
  }
  await say(page, w, HOLD)
  await untilWritten(page, 4)
  await check('a reply that is being written')
  await page.keyboard.press('Escape')
  await untilEnded(page, 'stopped')
  await expect(lastReply(page).getByRole('button', { name: w('chat.continue') })).toBeVisible()
  await check('a stopped reply')
  await lastReply(page)
    .getByRole('button', { name: w('chat.continue') })
    .click()
  await untilEnded(page)
  await expect(lastReply(page).getByText('2/2')).toBeVisible()
  await check('a reply with versions')
  await say(page, w, '[[sim:midstream-error;after=6]]')
  await untilEnded(page, 'failed')
  await expect(lastReply(page).getByRole('alert')).toBeVisible()
  await check('a reply that failed')
  const own = article(page).nth(1)
  if (isMobile) {
    await own.getByRole('button', { name: w('chat.message_menu') }).click()
    await expect(page.getByRole('dialog').getByRole('button').first()).toBeVisible()
    await check('the menu of a message')
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog')).toBeHidden()
  }
  await act(page, w, own, 'chat.edit')
  await page.getByRole('textbox', { name: w('chat.edit_label') }).fill('가'.repeat(201))
  await expect(own.getByText(w('composer.over', { over: 1 }))).toBeVisible()
  await check('an edit that is too long')
  await own.getByRole('button', { name: w('app.cancel') }).click()
  await act(page, w, article(page).nth(2), 'chat.branch')
  await expect(page.getByRole('button', { name: w('chat.branch_leave') })).toBeVisible()
  await check('a branch that begins')
  if (isMobile) await page.getByRole('button', { name: w('shell.left_show') }).click()
  await page.getByRole('button', { name: w('settings.preferences') }).click()
  await page.getByRole('menuitem', { name: w('keys.title') }).click()
  await expect(page.getByRole('switch', { name: w('keys.single') })).toBeVisible()
  await check('the list of keys')
})
