import { expect, expectAccessible, openStarter, register, test } from './fixtures'

for (const scheme of ['light', 'dark'] as const) {
  test(`no screen has a finding of axe (${scheme})`, async ({ page, w, isMobile }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await page.goto('/login')
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await expectAccessible(page, 'sign-in')
    await page.goto('/register')
    await page.getByRole('button', { name: w('auth.register') }).click()
    await expect(page.getByText(w('auth.email_bad'))).toBeVisible()
    await expectAccessible(page, 'sign-up with errors')

    await register(page, w)
    await expectAccessible(page, 'welcome')
    await openStarter(page, w)
    await expectAccessible(page, 'new chat')
    const composer = page.getByRole('textbox', { name: w('composer.label') })
    await composer.fill('안녕하세요!')
    await composer.press('Enter')
    await expect(page.getByRole('feed').getByRole('article').last()).toHaveAttribute(
      'data-status',
      'complete',
      { timeout: 30_000 },
    )
    await composer.fill('가'.repeat(201))
    await expectAccessible(page, 'conversation, message too long')
    if (isMobile) {
      await page.getByRole('button', { name: w('shell.left_show') }).click()
      await expectAccessible(page, 'left drawer')
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: w('shell.right_show') }).click()
      await expectAccessible(page, 'right drawer')
      await page.keyboard.press('Escape')
    }
    await page.getByRole('button', { name: w('chat.menu') }).click()
    await page.getByRole('menuitem', { name: w('chat.delete') }).click()
    await expectAccessible(page, 'question before deleting')
    await page.keyboard.press('Escape')

    await page.goto('/characters')
    await expect(page.getByRole('main').getByRole('listitem').first()).toBeVisible()
    await expectAccessible(page, 'gallery')
    await page.goto('/characters/new')
    await page.getByRole('button', { name: w('characters.create') }).click()
    await expectAccessible(page, 'editor with errors')
    await page.goto('/settings')
    const settings = page.getByRole('region', { name: w('account.sessions') })
    await expect(settings.getByRole('listitem').first()).toBeVisible()
    await expectAccessible(page, 'settings')
    await page.getByRole('button', { name: w('account.password_change') }).click()
    await expectAccessible(page, 'settings with errors')
    await page.getByRole('button', { name: w('account.export') }).click()
    await expect(page.getByRole('dialog')).toBeVisible()
    await expectAccessible(page, 'question for the password')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: w('account.delete_open') }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: w('account.delete_do') })
      .click()
    await expectAccessible(page, 'question before the account is deleted, with errors')
    await page.keyboard.press('Escape')
    await page.goto('/nowhere')
    await expectAccessible(page, 'missing page')
  })
}

for (const scheme of ['light', 'dark'] as const) {
  test(`no page of somebody who is not signed in has a finding of axe (${scheme})`, async ({ page, w }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    let mode = 'closed'
    await page.route('**/api/config', async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ json: { ...(await answer.json()), registration: mode } })
    })
    await page.goto('/register')
    await expect(page.getByText(w('auth.closed'))).toBeVisible()
    await expectAccessible(page, 'sign-up is closed')
    mode = 'invite'
    await page.goto('/login')
    await page.goto('/register')
    await expect(page.getByText(w('auth.invite_needed'))).toBeVisible()
    await page.getByRole('button', { name: w('auth.invite_use') }).click()
    await expectAccessible(page, 'an invitation is needed')
    await page.goto('/reset-password#nobody-made-this')
    await page.getByLabel(w('auth.password_new')).fill('short')
    await page.getByRole('button', { name: w('auth.reset') }).click()
    await expectAccessible(page, 'new password with errors')
    await page.goto('/login')
    await page.goto('/reset-password')
    await expect(page.getByText(w('auth.reset_refused'))).toBeVisible()
    await expectAccessible(page, 'a link that cannot be used')
  })
}

test('everything can be reached with the keyboard, past the skip links', async ({ page, w, isMobile }) => {
  test.skip(isMobile === true, 'a phone has no Tab key')
  await register(page, w)
  await openStarter(page, w)
  const composer = page.getByRole('textbox', { name: w('composer.label') })
  // It comes to the field by itself on a machine with a mouse.
  await expect(composer).toBeFocused()
  // Back to where Tab begins on a page that was just opened.
  await page.evaluate(() => {
    document.body.tabIndex = -1
    document.body.focus()
  })
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: w('shell.skip_conversation') })).toBeFocused()
  await page.keyboard.press('Tab')
  const link = page.getByRole('link', { name: w('shell.skip_composer') })
  await expect(link).toBeFocused()
  await expect(link).toBeInViewport()
  await page.keyboard.press('Enter')
  await expect(composer).toBeFocused()

  const left = page.getByRole('navigation', { name: w('shell.left') })
  await page.keyboard.press('Control+b')
  await expect(left).toBeHidden()
  await page.keyboard.press('Control+b')
  await expect(left).toBeVisible()
  await page.getByRole('button', { name: w('shell.left_hide') }).focus()
  await page.keyboard.press('/')
  await expect(composer).toBeFocused()
  await expect(composer).toHaveValue('')
})
