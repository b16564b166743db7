import { screen, waitFor, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defineComponent, h, reactive } from 'vue'
import { http as client } from '@/api/http'
import type { ChatSummaryView } from '@/api/generated'
import { chat, http, HttpResponse, problem, server } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import { useChatStore } from '../chat.store'
import { useSummaryStore } from '../summary.store'
import SummaryCard from './SummaryCard.vue'

const SUMMARY = '*/api/chats/:id/summary'
const TEXT = '하루와 바다에 갔다. 파란 우산을 샀다.'

let stored: ChatSummaryView
let puts: { id: string; body: unknown; match: string | null }[]
let reads: string[]

const tag = () => `"${stored.version}"`
const answer = () => HttpResponse.json(stored, { headers: { etag: tag() } })
function change(extra: Partial<ChatSummaryView>): void {
  stored = { ...stored, ...extra, version: stored.version + 1 }
}

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())
beforeEach(() => {
  setActivePinia(createPinia())
  puts = []
  reads = []
  stored = {
    text: TEXT,
    is_enabled: true,
    is_edited: false,
    covers_up_to: 40,
    updated_at: new Date(Date.now() - 180_000).toISOString(),
    version: 3,
  }
  server.use(
    http.get(SUMMARY, ({ params }) => {
      reads.push(String(params['id']))
      return answer()
    }),
    http.put(SUMMARY, async ({ params, request }) => {
      const body = (await request.json()) as Partial<ChatSummaryView>
      const match = request.headers.get('if-match')
      puts.push({ id: String(params['id']), body, match })
      if (match !== null && match !== tag()) return problem(412, 'precondition_failed')
      change({ ...body, ...(body.text === undefined ? {} : { is_edited: true }) })
      return answer()
    }),
  )
})

const card = (extra = {}) => renderApp(SummaryCard, { props: { chat: chat(7, extra) } })
const field = () => screen.findByRole('textbox', { name: '하루에게 알려 줄 내용' })
const press = (name: string) => userEvent.click(screen.getByRole('button', { name }))

async function editTo(text: string): Promise<void> {
  await userEvent.click(await screen.findByRole('button', { name: '고치기' }))
  await userEvent.clear(await field())
  await userEvent.click(await field())
  if (text) await userEvent.paste(text)
}

describe('the summary of a chat', () => {
  it('says what it is for, what it says and since when', async () => {
    card()
    expect(await screen.findByText(TEXT)).toBeVisible()
    expect(screen.getByRole('region', { name: '기억하는 지난 이야기' })).toHaveTextContent(
      '대화가 길어져 다 담지 못하는 앞부분은 요약해서 하루에게 알려 줘요.',
    )
    expect(screen.getByText('3분 전 요약했어요')).toBeVisible()
  })

  it('says that a person changed it', async () => {
    change({ is_edited: true })
    card()
    expect(await screen.findByText('3분 전 고쳤어요')).toBeVisible()
  })

  it('says when it will come, where there is none', async () => {
    change({ text: null, covers_up_to: null, updated_at: null })
    card()
    expect(await screen.findByText('아직 없어요. 대화가 길어지면 여기에 요약이 나타나요.')).toBeVisible()
    expect(screen.queryByRole('button', { name: '고치기' })).toBeNull()
    expect(screen.getByRole('switch', { name: '이 대화에 요약 쓰기' })).toBeChecked()
  })

  it('can be asked for again when it was not read', async () => {
    server.use(http.get(SUMMARY, () => problem(500, 'internal'), { once: true }))
    card()
    expect(await screen.findByRole('alert')).toHaveTextContent('서버에 문제가 생겼어요.')
    await press('다시 시도')
    expect(await screen.findByText(TEXT)).toBeVisible()
  })

  it('is read again when a reply ends', async () => {
    const { pinia } = card()
    await screen.findByText(TEXT)
    const store = useChatStore(pinia)
    store.phase = 'streaming'
    change({ text: '새로 요약했다.' })
    await waitFor(() => expect(reads).toEqual(['7']))
    store.phase = 'idle'
    expect(await screen.findByText('새로 요약했다.')).toBeVisible()
  })

  it('is that of the branch that is shown', async () => {
    const shown = reactive({ chat: chat(7, { head_message_id: 5 }) })
    renderApp(defineComponent(() => () => h(SummaryCard, { chat: shown.chat })))
    await screen.findByText(TEXT)
    change({ text: null, covers_up_to: null, updated_at: null })
    shown.chat = chat(7, { head_message_id: 9 })
    expect(await screen.findByText(/^아직 없어요/)).toBeVisible()
    expect(reads).toEqual(['7', '7'])
  })

  it('can only be read in a chat that can only be read', async () => {
    card({ is_read_only: true })
    expect(await screen.findByText(TEXT)).toBeVisible()
    expect(screen.queryByRole('switch')).toBeNull()
    expect(screen.queryByRole('button', { name: '고치기' })).toBeNull()
  })
})

describe('its switch', () => {
  const toggle = () => screen.findByRole('switch', { name: '이 대화에 요약 쓰기' })

  it('tells the server, and says what is switched off', async () => {
    card()
    await userEvent.click(await toggle())
    expect(await toggle()).not.toBeChecked()
    expect(await toggle()).toHaveFocus()
    expect(screen.getByText('꺼 두어서 하루에게 알려 주지 않고, 새로 요약하지도 않아요.')).toBeVisible()
    await waitFor(() => expect(puts).toEqual([{ id: '7', body: { is_enabled: false }, match: null }]))
  })

  it('goes back when that fails', async () => {
    server.use(http.put(SUMMARY, () => problem(500, 'internal')))
    card()
    await userEvent.click(await toggle())
    await waitFor(async () => expect(await toggle()).toBeChecked())
  })
})

describe('its words', () => {
  it('are replaced by what a person writes, if they are still the same', async () => {
    card()
    await userEvent.click(await screen.findByRole('button', { name: '고치기' }))
    expect(await field()).toHaveFocus()
    expect(await field()).toHaveValue(TEXT)
    await userEvent.clear(await field())
    await userEvent.type(await field(), '  다른 기억  ')
    await press('저장')
    expect(await screen.findByText('다른 기억')).toBeVisible()
    expect(puts).toEqual([{ id: '7', body: { text: '다른 기억' }, match: '"3"' }])
    await waitFor(() => expect(screen.getByRole('button', { name: '고치기' })).toHaveFocus())
  })

  it('stay when the person thinks better of it', async () => {
    card()
    await editTo('아무 말')
    await press('취소')
    expect(screen.getByText(TEXT)).toBeVisible()
    await waitFor(() => expect(screen.getByRole('button', { name: '고치기' })).toHaveFocus())
    expect(puts).toEqual([])
  })

  it.each([
    ['', '보이는 글자가 있어야 해요.'],
    ['가'.repeat(4_001), '4,000자까지 쓸 수 있어요. 지금 4,001자예요.'],
  ])('are not sent when they cannot be (%#)', async (text, error) => {
    card()
    await editTo(text)
    await press('저장')
    expect(await field()).toHaveAccessibleDescription(error)
    await waitFor(async () => expect(await field()).toHaveFocus())
    expect(await field()).toHaveValue(text)
    expect(puts).toEqual([])
  })

  it('are kept with the reason when the server does not take them', async () => {
    server.use(
      http.put(SUMMARY, () =>
        problem(422, 'validation_failed', { errors: [{ pointer: '/text', code: 'control_character' }] }),
      ),
    )
    card()
    await editTo('다른 기억')
    await press('저장')
    await waitFor(async () => expect(await field()).toHaveAccessibleDescription('쓸 수 없는 문자가 있어요.'))
    server.use(http.put(SUMMARY, () => problem(500, 'internal')))
    await press('저장')
    await waitFor(() => expect(screen.getByRole('alert')).toHaveTextContent('서버에 문제가 생겼어요.'))
    expect(await field()).toHaveValue('다른 기억')
  })

  it('are shown when they were changed meanwhile, beside those that were written', async () => {
    card()
    await editTo('다른 기억')
    change({ text: '그 사이에 요약했다.' })
    await press('저장')
    const notice = await screen.findByRole('status')
    await waitFor(() => expect(notice).toHaveTextContent('그 사이에 요약했다.'))
    expect(await field()).toHaveValue('다른 기억')
    expect(screen.getByRole('alert')).toHaveTextContent(/^$/)
    await press('저장')
    expect(await screen.findByText('다른 기억')).toBeVisible()
    expect(puts.map(({ match }) => match)).toEqual(['"3"', '"4"'])
  })

  it('can be taken over when they were changed meanwhile', async () => {
    const { pinia } = card()
    await editTo('다른 기억')
    change({ text: '그 사이에 요약했다.' })
    await useSummaryStore(pinia).refresh()
    await userEvent.click(within(await screen.findByRole('status')).getByRole('button'))
    expect(await field()).toHaveValue('그 사이에 요약했다.')
    expect(await field()).toHaveFocus()
    expect(screen.queryByRole('button', { name: '이 내용으로 바꾸기' })).toBeNull()
  })

  it('are stored without a question when something else was changed meanwhile', async () => {
    card()
    await editTo('다른 기억')
    change({ is_enabled: false })
    await press('저장')
    expect(await screen.findByText('다른 기억')).toBeVisible()
    expect(puts.map(({ match }) => match)).toEqual(['"3"', '"4"'])
  })

  it('count as stored when only the answer was lost', async () => {
    card()
    await editTo('다른 기억')
    change({ text: '다른 기억', is_edited: true })
    await press('저장')
    expect(await screen.findByText('다른 기억', { selector: 'p' })).toBeVisible()
    expect(puts).toHaveLength(1)
  })

  it('are still there after another chat was open', async () => {
    const { pinia, unmount } = card()
    await editTo('다 쓰지 못한 말')
    unmount()
    const other = renderApp(SummaryCard, { props: { chat: chat(8) }, pinia })
    expect(await screen.findByText(TEXT)).toBeVisible()
    other.unmount()
    renderApp(SummaryCard, { props: { chat: chat(7) }, pinia })
    expect(await field()).toHaveValue('다 쓰지 못한 말')
    expect(reads).toEqual(['7', '8', '7'])
  })
})
