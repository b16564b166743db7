import { expect, openStarter, register, test } from './fixtures'

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
