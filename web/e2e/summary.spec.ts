import type { Page } from '@playwright/test'
import { expect, expectAccessible, type Fixtures, openStarter, register } from './fixtures'
import { test } from './house'

interface Summary {
  text: string | null
  is_enabled: boolean
  is_edited: boolean
}

/** Speaks for the person beside the page, in the chat that it shows. */
class Beside {
  #page: Page
  #authorization = ''

  constructor(page: Page) {
    this.#page = page
    page.on('request', (request) => {
      this.#authorization = request.headers()['authorization'] ?? this.#authorization
    })
  }

  async say(content: string): Promise<void> {
    const answer = await this.#page.request.post(this.#path('messages'), {
      headers: this.#headers(),
      data: { content },
      timeout: 60_000,
    })
    expect(answer.status()).toBe(201)
  }

  async summary(): Promise<Summary> {
    const answer = await this.#page.request.get(this.#path('summary'), { headers: this.#headers() })
    return (await answer.json()) as Summary
  }

  async write(text: string): Promise<void> {
    const answer = await this.#page.request.put(this.#path('summary'), {
      headers: this.#headers(),
      data: { text },
    })
    expect(answer.status()).toBe(200)
  }

  #path(name: string): string {
    return `/api/chats/${/\d+$/.exec(new URL(this.#page.url()).pathname)?.[0]}/${name}`
  }

  #headers(): Record<string, string> {
    return { authorization: this.#authorization, accept: 'application/json' }
  }
}

/** The card, where it has to be opened first as well. */
async function openCard(page: Page, w: Fixtures['w'], isMobile: boolean) {
  if (isMobile) await page.getByRole('button', { name: w('shell.right_show') }).click()
  const card = page.getByRole('region', { name: w('summary.title') })
  await expect(card.getByRole('switch', { name: w('summary.enabled') })).toBeVisible()
  return card
}

test('what is too long ago to be sent is summed up, shown, changed and switched off', async ({
  page,
  house,
  w,
  isMobile,
}) => {
  const check = async (what: string) => {
    await page.mouse.move(0, 0)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await expectAccessible(page, `${what}, ${colorScheme}`)
    }
  }
  await house.kill()
  await house.start({ HISTORY_MAX_TOKENS: '2000' })
  const beside = new Beside(page)
  await register(page, w)
  await openStarter(page, w)
  let card = await openCard(page, w, isMobile === true)
  await expect(card.getByText(w('summary.empty'))).toBeVisible()
  await check('no summary')

  const words = '등대에서 무엇이 보이는지, 오늘 바람은 어떤지 이야기해 줘. '.repeat(5)
  for (let number = 1; number <= 40 && (await beside.summary()).text === null; number += 1)
    await beside.say(`${number}. ${words}`)
  await expect.poll(async () => (await beside.summary()).text).not.toBeNull()
  const made = (await beside.summary()).text ?? ''
  await page.reload()
  card = await openCard(page, w, isMobile === true)
  await expect(card.getByText(made)).toBeVisible()
  await check('a summary')

  await card.getByRole('button', { name: w('summary.edit') }).click()
  const field = card.getByRole('textbox')
  await expect(field).toBeFocused()
  await field.fill('둘은 등대에서 만났다.')
  await card.getByRole('button', { name: w('summary.save') }).click()
  await expect(card.getByText('둘은 등대에서 만났다.')).toBeVisible()
  await expect(card.getByRole('button', { name: w('summary.edit') })).toBeFocused()
  expect(await beside.summary()).toMatchObject({ text: '둘은 등대에서 만났다.', is_edited: true })

  await card.getByRole('button', { name: w('summary.edit') }).click()
  await field.fill('')
  await card.getByRole('button', { name: w('summary.save') }).click()
  await expect(field).toHaveAttribute('aria-invalid', 'true')
  await check('a summary that cannot be saved')
  await field.fill('둘은 바다에서 만났다.')
  await beside.write('둘은 산에서 만났다.')
  await card.getByRole('button', { name: w('summary.save') }).click()
  await expect(card.getByText('둘은 산에서 만났다.')).toBeVisible()
  await expect(field).toHaveValue('둘은 바다에서 만났다.')
  await check('a summary that was changed meanwhile')
  await card.getByRole('button', { name: w('summary.save') }).click()
  await expect(field).toBeHidden()
  expect(await beside.summary()).toMatchObject({ text: '둘은 바다에서 만났다.' })

  await card.getByRole('switch').click()
  await expect.poll(async () => (await beside.summary()).is_enabled).toBe(false)
  await expect(card.getByRole('switch')).not.toBeChecked()
  await check('a summary that is switched off')
  await page.reload()
  card = await openCard(page, w, isMobile === true)
  await expect(card.getByRole('switch')).not.toBeChecked()
  await expect(card.getByText('둘은 바다에서 만났다.')).toBeVisible()
})
