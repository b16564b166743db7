import type { Locator, Page } from '@playwright/test'
import { expect, PASSWORD, test } from './fixtures'

/** Signs a new person up without a page. Resolves to the name and the access token. */
async function newAccount(page: Page): Promise<{ name: string; token: string }> {
  const name = `docs_${Date.now().toString(36)}`
  const answer = await page.request.post('/auth/register', {
    data: { username: name, email: `${name}@example.com`, password: PASSWORD },
  })
  expect(answer.status(), await answer.text()).toBe(201)
  const { access_token: token } = (await answer.json()) as { access_token: string }
  return { name, token }
}

/** Opens the page of the API. Resolves to the operation `GET /auth/me` with its form unfolded. */
async function openMe(page: Page): Promise<Locator> {
  await page.goto('/docs')
  await expect(page.getByRole('heading', { name: /LionRocket/ })).toBeVisible()
  const operation = page.locator('[id="operations-auth-get_me"]')
  await operation
    .getByRole('button', { name: /\/auth\/me/ })
    .first()
    .click()
  await expect(operation.getByRole('button', { name: 'Execute' })).toBeVisible()
  return operation
}

test('the page of the API opens under its policy and reads its document', async ({ page, complaints }) => {
  const answer = await page.goto('/docs')
  const policy = answer?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).not.toContain('unsafe')
  const document = (await (await page.request.get('/openapi.json')).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const count = Object.values(document.paths).flatMap((item) => Object.keys(item)).length
  await expect(page.locator('.opblock')).toHaveCount(count)
  expect(complaints).toEqual([])
})

test('whoever authorizes can try an operation out', async ({ page }) => {
  const { name, token } = await newAccount(page)
  const operation = await openMe(page)
  await page.getByRole('button', { name: 'Authorize' }).first().click()
  const dialog = page.locator('.auth-container').filter({ hasText: 'bearer' })
  await dialog.getByRole('textbox').fill(token)
  await dialog.getByRole('button', { name: 'Apply credentials' }).click()
  await page.locator('.modal-ux').getByRole('button', { name: 'Close' }).first().click()

  const answered = page.waitForResponse('**/auth/me')
  await operation.getByRole('button', { name: 'Execute' }).click()
  expect((await answered).status()).toBe(200)
  const live = operation.locator('.live-responses-table')
  await expect(live.locator('.response-col_status').last()).toHaveText(/^200/)
  await expect(live.locator('.highlight-code').first()).toContainText(`"username": "${name}"`)
})

test('without a token the operation is answered with 401', async ({ page }) => {
  const operation = await openMe(page)
  await operation.getByRole('button', { name: 'Execute' }).click()
  const live = operation.locator('.live-responses-table')
  await expect(live.locator('.response-col_status').last()).toHaveText(/^401/)
  await expect(live).toContainText('"code": "unauthorized"')
})
