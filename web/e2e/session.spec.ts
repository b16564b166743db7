import { expect, openStarter, register, signIn, stored, test } from './fixtures'

test('a reload keeps the session and shows no other page on the way', async ({ page, w }) => {
  await register(page, w)
  const shown: string[] = []
  page.on('framenavigated', (frame) => shown.push(new URL(frame.url()).pathname))
  await page.addInitScript(() => {
    new MutationObserver(() => {
      if (document.querySelector('input[type="password"]')) console.error('the sign-in page flashed')
    }).observe(document, { subtree: true, childList: true })
  })
  await page.reload()
  await expect(page.getByRole('heading', { name: w('welcome.title') })).toBeVisible()
  expect(new Set(shown)).toEqual(new Set(['/chat']))
})

test('a second tab is signed in, and so are tabs that wait on the sign-in page', async ({
  page,
  context,
  w,
}) => {
  await page.goto('/login')
  const waiting = await context.newPage()
  await waiting.goto('/login')
  await register(page, w)
  await expect(waiting.getByRole('heading', { name: w('welcome.title') })).toBeVisible()
  const second = await context.newPage()
  await second.goto('/characters')
  await expect(second.getByRole('main').getByRole('listitem').first()).toBeVisible()
})

test('signing out in one tab signs out the other, which finds its way back', async ({
  page,
  context,
  w,
  isMobile,
}) => {
  const name = await register(page, w)
  const other = await context.newPage()
  await other.goto('/characters')
  await expect(other.getByRole('main').getByRole('listitem').first()).toBeVisible()

  if (isMobile) await page.getByRole('button', { name: w('shell.left_show') }).click()
  await page.getByRole('button', { name: w('auth.account_menu') }).click()
  // What was read goes with the page, which is loaded anew.
  const reloaded = page.waitForEvent('load')
  await page.getByRole('menuitem', { name: w('auth.logout') }).click()
  await reloaded
  await expect(page.getByRole('heading', { name: w('auth.login_title') })).toBeVisible()
  await expect(other.getByText(w('auth.notice_elsewhere'))).toBeVisible()
  await page.goto('/chat')
  await expect(page.getByRole('heading', { name: w('auth.login_title') })).toBeVisible()

  await signIn(other, w, name)
  await expect(other).toHaveURL(/\/characters$/)
  await expect(page.getByRole('heading', { name: w('welcome.title') })).toBeVisible()
})

test('nothing that signs in is ever stored where a script can read it', async ({ page, context, w }) => {
  const secrets: string[] = []
  page.on('response', async (response) => {
    if (!/\/auth\/(?:register|login|refresh)$/.test(response.url()) || !response.ok()) return
    secrets.push(((await response.json()) as { access_token: string }).access_token)
  })
  await register(page, w)
  await openStarter(page, w)
  await page.getByRole('textbox', { name: w('composer.label') }).fill('아직 보내지 않은 말')
  await page.reload()
  await expect(page.getByRole('textbox', { name: w('composer.label') })).toHaveValue('아직 보내지 않은 말')
  const cookies = await context.cookies()
  expect(cookies.length).toBeGreaterThan(0)
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
  expect(secrets.length).toBeGreaterThanOrEqual(2)
  const kept = await stored(context)
  // The draft proves that the search finds what is there.
  expect(kept).toContain('아직 보내지 않은 말')
  for (const secret of [...secrets, ...cookies.map(({ value }) => value)]) expect(kept).not.toContain(secret)
})

test('a session that was ended elsewhere leads to signing in and back, with everything typed', async ({
  page,
  context,
  browser,
  baseURL,
  locale,
  w,
}) => {
  const name = await register(page, w)
  await openStarter(page, w)
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  await composer.fill('아직 보내지 않은 말')
  const address = page.url()

  const elsewhere = await browser.newContext({ baseURL: baseURL ?? '', ...(locale ? { locale } : {}) })
  const there = await elsewhere.newPage()
  await there.goto('/login?redirect=/settings')
  await signIn(there, w, name)
  await there.getByRole('button', { name: w('account.sessions_end') }).click()
  await there
    .getByRole('dialog')
    .getByRole('button', { name: w('account.sessions_end') })
    .click()
  await expect(there.getByRole('dialog')).toBeHidden()
  await elsewhere.close()

  await composer.press('Enter')
  await expect(page.getByText(w('auth.notice_expired'))).toBeVisible()
  await signIn(page, w, name)
  await expect(page).toHaveURL(address)
  await expect(page.getByRole('feed').getByText('아직 보내지 않은 말')).toBeVisible()
  expect(context.pages()).toHaveLength(1)
})

test('a server that is away does not sign anybody out', async ({ page, context, w, complaints }) => {
  await register(page, w)
  await context.route('**/auth/refresh', (route) => route.abort('connectionrefused'))
  await page.reload()
  await expect(page).toHaveURL(/\/chat$/)
  await expect(page.getByLabel(w('auth.password'), { exact: true })).toBeHidden()
  await context.unroute('**/auth/refresh')
  await page.reload()
  await expect(page.getByRole('heading', { name: w('welcome.title') })).toBeVisible()
  // The refused connections are what this is about.
  complaints.splice(0)
})

test('the secret of a link leaves the address before anything is asked', async ({ page, w }) => {
  const asked: string[] = []
  page.on('request', (request) => asked.push(`${request.url()} ${request.postData() ?? ''}`))
  await page.goto('/register#an-invitation')
  await expect(page.getByText(w('auth.invite_there'))).toBeVisible()
  expect(page.url()).not.toContain('an-invitation')
  await page.goto('/login')
  await page.goto('/reset-password#a-reset')
  await expect(page.getByLabel(w('auth.password_new'))).toBeVisible()
  expect(page.url()).not.toContain('a-reset')
  expect(asked.filter((request) => /an-invitation|a-reset/.test(request))).toEqual([])
})
