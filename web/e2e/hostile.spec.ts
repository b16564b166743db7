import { expect, register, test } from './fixtures'

const CORPUS = [
  '<img src=x onerror=alert(1)>',
  '"><svg/onload=alert(1)>',
  '</title><script>alert(1)</script>',
  '[x](javascript:alert(1))',
  '{{7*7}}${7*7}',
]

test('names that want to be code are text everywhere', async ({ page, w, isMobile }) => {
  page.on('dialog', () => console.error('a dialog was opened'))
  await register(page, w)
  await page.goto('/settings')
  const profile = page.getByRole('region', { name: w('account.profile') })
  const name = CORPUS[0] ?? ''
  await profile.getByLabel(w('account.display_name')).fill(name)
  await profile.getByRole('button', { name: w('account.save') }).click()
  await expect(page.getByText(w('account.saved'))).toBeVisible()
  await page.goto('/')
  await expect(page.getByText(w('welcome.text_named', { name }))).toBeVisible()
  if (isMobile) await page.getByRole('button', { name: w('shell.left_show') }).click()
  await expect(page.getByRole('navigation').getByText(name, { exact: true })).toBeVisible()

  for (const text of CORPUS) {
    await page.goto('/characters/new')
    await page.getByLabel(w('editor.name'), { exact: true }).fill(text)
    await page.getByLabel(w('editor.description')).fill(text)
    await page.getByLabel(w('editor.prompt'), { exact: true }).fill(text)
    await page.getByRole('button', { name: w('characters.create') }).click()
    await expect(page.getByRole('heading', { level: 1, name: text })).toBeVisible()
    await expect(page.getByRole('textbox', { name: w('composer.label') })).toBeVisible()
  }
  await page.goto('/characters')
  for (const text of CORPUS) await expect(page.getByRole('main').getByText(text).first()).toBeVisible()
  await expect(page.locator('main img, main script, [onload], [onerror]')).toHaveCount(0)
})
