import { readFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { expect, openStarter, PASSWORD, register, signIn, test, type Fixtures } from './fixtures'

const NEXT = 'Another-horse, battery staple 91'
const part = (page: Page, name: string) => page.getByRole('region', { name })

async function confirm(page: Page, w: Fixtures['w'], password = PASSWORD): Promise<void> {
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(w('account.password_current')).fill(password)
  await dialog.getByRole('button', { name: w('account.reauth') }).click()
}

test('a person changes the name, and after the password the e-mail address', async ({
  page,
  w,
  isMobile,
}) => {
  const name = await register(page, w)
  if (isMobile) await page.getByRole('button', { name: w('shell.left_show') }).click()
  await page.getByRole('button', { name: w('auth.account_menu') }).click()
  await page.getByRole('menuitem', { name: w('settings.open') }).click()
  const profile = part(page, w('account.profile'))
  await profile.getByLabel(w('account.display_name')).fill('민서')
  await profile.getByRole('button', { name: w('account.save') }).click()
  await expect(page.getByText(w('account.saved'))).toBeVisible()
  await profile.getByLabel(w('auth.email')).fill(`${name}@elsewhere.example`)
  await profile.getByRole('button', { name: w('account.save') }).click()
  await confirm(page, w, 'not the password')
  await expect(page.getByText(w('fields.wrong_password'))).toBeVisible()
  await confirm(page, w)
  await expect(page.getByRole('dialog')).toBeHidden()
  await page.reload()
  await expect(profile.getByLabel(w('account.display_name'))).toHaveValue('민서')
  await expect(profile.getByLabel(w('auth.email'))).toHaveValue(`${name}@elsewhere.example`)
})

test('a new password signs out the other devices and not this one', async ({
  page,
  browser,
  baseURL,
  locale,
  w,
}) => {
  const name = await register(page, w)
  const elsewhere = await browser.newContext({ baseURL: baseURL ?? '', ...(locale ? { locale } : {}) })
  const there = await elsewhere.newPage()
  await there.goto('/login')
  await signIn(there, w, name)
  await expect(there.getByRole('heading', { name: w('welcome.title') })).toBeVisible()

  await page.goto('/settings')
  await expect(part(page, w('account.sessions')).getByRole('listitem')).toHaveCount(2)
  const section = part(page, w('account.password'))
  await section.getByLabel(w('account.password_current')).fill(PASSWORD)
  await section.getByLabel(w('auth.password_new')).fill(name)
  await section.getByRole('button', { name: w('account.password_change') }).click()
  await expect(section.getByLabel(w('auth.password_new'))).toHaveAttribute('aria-invalid', 'true')
  await section.getByLabel(w('auth.password_new')).fill(NEXT)
  await section.getByRole('button', { name: w('account.password_change') }).click()
  await expect(page.getByText(w('account.password_changed'))).toBeVisible()
  await expect(part(page, w('account.sessions')).getByRole('listitem')).toHaveCount(1)

  await there.goto('/characters')
  await expect(there.getByRole('heading', { name: w('auth.login_title') })).toBeVisible()
  await signIn(there, w, name, NEXT)
  await expect(there).toHaveURL(/\/characters$/)
  await elsewhere.close()
})

test('a person takes everything along and deletes the account', async ({ page, w }) => {
  const name = await register(page, w)
  await openStarter(page, w)
  await page.goto('/settings')
  await expect(page.getByText(w('account.views_none'))).toBeVisible()
  await page.getByRole('button', { name: w('account.export') }).click()
  const coming = page.waitForEvent('download')
  await confirm(page, w)
  const download = await coming
  expect(download.suggestedFilename()).toMatch(/^lionrocket-[\d-]{10}\.json$/)
  const text = await readFile(await download.path(), 'utf8')
  expect(JSON.parse(text)).toBeInstanceOf(Object)
  expect(text).toContain(name)

  await page.getByRole('button', { name: w('account.delete_open') }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(w('account.delete_name', { name })).fill(name)
  await dialog.getByLabel(w('account.password_current')).fill(PASSWORD)
  await dialog.getByRole('button', { name: w('account.delete_do') }).click()
  await expect(page.getByRole('heading', { name: w('auth.farewell_title') })).toBeVisible()
  await signIn(page, w, name)
  await expect(page.getByText(w('errors.account_deleted'))).toBeVisible()
})

test('a used-up allowance says when it opens again and keeps the message', async ({ page, w }) => {
  await register(page, w)
  await openStarter(page, w)
  const midnight = new Date()
  midnight.setHours(24, 0, 0, 0)
  await page.route('**/api/chats/*/messages', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({
          status: 429,
          contentType: 'application/problem+json',
          headers: { 'retry-after': '3600' },
          json: { status: 429, code: 'budget_exhausted', resets_at: midnight.toISOString() },
        })
      : route.fallback(),
  )
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  await composer.fill('오늘의 마지막 말')
  await composer.press('Enter')
  await expect(page.getByText(w('errors.budget_exhausted')).first()).toBeVisible()
  await expect(page.getByRole('feed').getByText('오늘의 마지막 말')).toBeVisible()
  await composer.fill('하나 더')
  await expect(page.getByRole('button', { name: w('composer.send'), exact: true })).toHaveCount(0)
  await composer.press('Enter')
  await expect(composer).toHaveValue('하나 더')
})
