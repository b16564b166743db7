import type { Locator, Page } from '@playwright/test'
import { expect, openStarter, register, signIn, test, type Fixtures } from './fixtures'

const HELLO = '안녕하세요!'

/** Notes how long the last message is, each time it changes. */
async function watchReply(page: Page): Promise<() => Promise<number[]>> {
  await page.evaluate(() => {
    const lengths: number[] = []
    Object.assign(window, { replyLengths: lengths })
    new MutationObserver(() => {
      const live = document.querySelector('article[aria-busy="true"] .prose, article[aria-busy="true"]')
      const length = live?.textContent?.length ?? 0
      if (length > (lengths.at(-1) ?? 0)) lengths.push(length)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  return () => page.evaluate(() => (window as unknown as { replyLengths: number[] }).replyLengths)
}

async function usageCard(page: Page, w: Fixtures['w']): Promise<Locator> {
  const card = page.getByRole('region', { name: w('usage.today') })
  if (!(await card.isVisible())) await page.getByRole('button', { name: w('shell.right_show') }).click()
  return card.getByTestId('usage-exchanges')
}

test('a person signs up, talks to a starter and finds everything again', async ({ page, w, isMobile }) => {
  await register(page, w)
  await openStarter(page, w)
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  const send = page.getByRole('button', { name: w('composer.send') })
  const feed = page.getByRole('feed')

  const lengths = await watchReply(page)
  await composer.fill(HELLO)
  await composer.press('Enter')
  await expect(composer).toHaveValue('')
  const reply = feed.getByRole('article').last()
  await expect(reply).toHaveAttribute('aria-busy', 'true')
  await expect(reply).not.toHaveAttribute('aria-busy', /.*/, { timeout: 30_000 })
  await expect(reply).toHaveAttribute('data-status', 'complete')
  expect((await lengths()).length).toBeGreaterThan(3)
  await expect(reply.getByText(w('demo.short'), { exact: true })).toBeVisible()
  const said = await reply.locator('.prose').first().innerText()

  await expect(await usageCard(page, w)).toHaveText('1')
  if (isMobile) await page.keyboard.press('Escape')

  await page.reload()
  await expect(feed.getByText(HELLO, { exact: true })).toBeVisible()
  await expect(feed.getByRole('article').last().locator('.prose').first()).toHaveText(said, {
    useInnerText: true,
  })

  await composer.fill('가'.repeat(201))
  await expect(page.getByTestId('counter')).toHaveText(w('composer.count', { count: 201, max: 200 }))
  await expect(page.getByText(w('composer.over', { over: 1 }))).toBeVisible()
  await expect(send).toBeDisabled()
  await composer.press('Enter')
  await expect(composer).toHaveValue('가'.repeat(201))

  await composer.fill('가'.repeat(200).normalize('NFD'))
  await expect(page.getByTestId('counter')).toHaveText(w('composer.count', { count: 200, max: 200 }))
  await send.click()
  await expect(feed.getByText('가'.repeat(200), { exact: true })).toBeVisible()
  await expect(feed.getByRole('article').last()).toHaveAttribute('data-status', 'complete', {
    timeout: 30_000,
  })
  await expect(await usageCard(page, w)).toHaveText('2')
})

test('a reply that is being written survives a reload of the page', async ({ page, w }) => {
  await register(page, w)
  await openStarter(page, w)
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  await composer.fill(HELLO)
  await composer.press('Enter')
  await expect(page.locator('article[aria-busy="true"]')).toBeVisible()
  await page.reload()
  const reply = page.getByRole('feed').getByRole('article').last()
  await expect(reply).toHaveAttribute('data-status', 'complete', { timeout: 30_000 })
  await expect(reply.locator('.prose').first()).not.toBeEmpty()
  await expect(page.getByRole('feed').getByText(HELLO, { exact: true })).toHaveCount(1)
})

test('the start is signing up for those who were never here, and signing in for the others', async ({
  page,
  w,
}) => {
  await page.goto('/')
  await expect(page.getByRole('heading', { name: w('auth.register_title') })).toBeVisible()
  await register(page, w)
  await page.context().clearCookies()
  await page.goto('/')
  await expect(page.getByRole('heading', { name: w('auth.login_title') })).toBeVisible()
})

test('a draft and the place in the application survive signing in again', async ({ page, w }) => {
  const name = await register(page, w)
  await openStarter(page, w)
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  await composer.fill('아직 보내지 않은 말')
  const address = page.url()
  await page.context().clearCookies()
  await page.reload()
  await expect(page.getByText(w('auth.login_again'))).toBeVisible()
  await signIn(page, w, name)
  await expect(page).toHaveURL(address)
  await expect(composer).toHaveValue('아직 보내지 않은 말')
})

test('a person makes a character and talks to it', async ({ page, w }) => {
  await register(page, w)
  await page.goto('/characters/new')
  await page.getByLabel(w('editor.name'), { exact: true }).fill('달')
  await page.getByLabel(w('editor.prompt'), { exact: true }).fill('너는 등대지기 달이다.')
  await page.getByLabel(w('editor.greeting')).fill('등대 불을 켜 두었어요.')
  await page.getByRole('button', { name: w('characters.create') }).click()
  await expect(page.getByRole('feed').getByText('등대 불을 켜 두었어요.')).toBeVisible()
  await page.getByRole('button', { name: w('chat.starter_hello') }).click()
  await expect(page.getByRole('feed').getByRole('article').last()).toHaveAttribute(
    'data-status',
    'complete',
    { timeout: 30_000 },
  )
  await page.goto('/characters')
  await page.getByRole('button', { name: w('characters.scope_mine') }).click()
  await expect(page.getByRole('main').getByRole('listitem').getByRole('button')).toHaveCount(1)
})
