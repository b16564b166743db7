import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { http as client } from '@/api/http'
import { chat, http, HttpResponse, list, message, problem, server, turnEvents } from '@/testing/msw'
import { useChatStore } from './chat.store'
import { useDraftStore } from './draft.store'

const MESSAGES = '*/api/chats/:id/messages'
let posted: { key: string | null; body: unknown }[] = []

/** Answers a POST with these events, now and then piece by piece. */
function speak(...answers: (string[] | (() => Response))[]) {
  server.use(
    http.post(MESSAGES, async ({ request }) => {
      posted.push({ key: request.headers.get('idempotency-key'), body: await request.json() })
      const answer = answers.shift() ?? []
      return typeof answer === 'function' ? answer() : events(answer)
    }),
  )
}
function events(all: string[]): Response {
  return new HttpResponse(all.join(''), { headers: { 'content-type': 'text/event-stream' } })
}

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())
beforeEach(async () => {
  posted = []
  setActivePinia(createPinia())
  await useDraftStore().setUnsent(7, null)
  server.use(
    http.get('*/api/chats', () => list([chat(7), chat(8)])),
    http.get('*/api/chats/:id', ({ params }) => HttpResponse.json(chat(Number(params['id'])))),
    http.get(MESSAGES, () => list([message(100, { content: '어서 와요' })])),
  )
})

async function opened() {
  const store = useChatStore()
  await store.loadChats()
  await store.openChat(7)
  return store
}
const shown = (store: ReturnType<typeof useChatStore>) =>
  store.messages.map((m) => [m.role, m.content, m.status])

describe('chat store', () => {
  it('opens a chat with its newest messages', async () => {
    const store = await opened()
    expect(store.chatState).toBe('ready')
    expect(shown(store)).toEqual([['assistant', '어서 와요', 'complete']])
  })

  it('says why a chat did not open', async () => {
    server.use(http.get('*/api/chats/:id', () => problem(404, 'not_found')))
    const store = await opened()
    expect(store.chatState).toBe('error')
    expect(store.chatError?.problem).toMatchObject({ code: 'not_found', request_id: 'test' })
  })

  it('sends a message and keeps the reply', async () => {
    speak(turnEvents(['반가', '워요']))
    const store = await opened()
    await store.sendMessage('  안녕 ')
    expect(shown(store)).toEqual([
      ['assistant', '어서 와요', 'complete'],
      ['user', '안녕', 'complete'],
      ['assistant', '반가워요', 'complete'],
    ])
    expect(posted[0]?.body).toEqual({ content: '안녕' })
    expect(store.phase).toBe('idle')
    expect(store.chats[0]).toMatchObject({ id: 7, preview: '반가워요' })
    await expect(useDraftStore().unsent(7)).resolves.toBeNull()
  })

  it('keeps the row of a message when its id arrives', async () => {
    speak(turnEvents(['네']))
    const store = await opened()
    const done = store.sendMessage('안녕')
    const key = store.messages.at(-1)?.key
    await done
    expect(store.messages.find((m) => m.id === 101)?.key).toBe(key)
  })

  it('keeps a refused message, with its reason', async () => {
    speak(() => problem(409, 'turn_running', { turn_id: 't9' }))
    const store = await opened()
    await store.sendMessage('안녕')
    expect(store.messages.at(-1)).toMatchObject({
      content: '안녕',
      status: 'failed',
      problem: { code: 'turn_running' },
    })
  })

  it('shows an unconfirmed message again after a reload and resends it under its key', async () => {
    speak(() => problem(500, 'internal'), turnEvents(['네']))
    const first = await opened()
    await first.sendMessage('안녕')
    setActivePinia(createPinia())
    const store = await opened()
    const failed = store.messages.at(-1)
    expect(failed).toMatchObject({ content: '안녕', status: 'failed' })
    await store.resend()
    expect(store.messages.at(-1)).toMatchObject({ content: '네', status: 'complete' })
    expect(posted[0]?.key).toBeTruthy()
    expect(posted[1]?.key).toBe(posted[0]?.key)
  })

  it('gives an unconfirmed message back to be written anew', async () => {
    speak(() => problem(500, 'internal'))
    const store = await opened()
    await store.sendMessage('안녕')
    expect(store.discard(store.messages.at(-1)?.key ?? '')).toBe('안녕')
    expect(store.messages).toHaveLength(1)
    await expect(useDraftStore().unsent(7)).resolves.toBeNull()
  })

  it('puts older messages in front', async () => {
    server.use(
      http.get(MESSAGES, ({ request }) =>
        new URL(request.url).searchParams.get('before') === '90'
          ? list([message(80)])
          : list([message(90), message(91)], '90'),
      ),
    )
    const store = await opened()
    await expect(store.loadOlder()).resolves.toBe(1)
    expect(store.messages.map((m) => m.id)).toEqual([80, 90, 91])
    await expect(store.loadOlder()).resolves.toBe(0)
  })

  it('forgets a deleted chat', async () => {
    server.use(http.delete('*/api/chats/:id', () => new HttpResponse(null, { status: 204 })))
    const store = await opened()
    await store.deleteChat(7)
    expect(store.chats.map((item) => item.id)).toEqual([8])
    expect(store.currentChat).toBeNull()
  })

  it('does not let a slow answer for one chat into another', async () => {
    server.use(
      http.get(MESSAGES, async ({ params }) => {
        if (params['id'] === '7') await new Promise((done) => setTimeout(done, 30))
        return list([message(params['id'] === '7' ? 1 : 2)])
      }),
    )
    const store = useChatStore()
    const slow = store.openChat(7)
    await store.openChat(8)
    await slow
    expect(store.currentChat?.id).toBe(8)
    expect(store.messages.map((m) => m.id)).toEqual([2])
  })
})
