import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChatView, MessageView } from '@/api/generated/types.gen'
import { http as client } from '@/api/http'
import { chat, http, HttpResponse, list, message, problem, server, sse, usage } from '@/testing/msw'
import { useChatStore } from './chat.store'
import { useDraftStore } from './draft.store'

const CHAT = '*/api/chats/:id'
type Answer = () => Response | Promise<Response>

/** What the server has: the branch that is shown, and what it says of the chat. */
let branch: MessageView[] = []
let about: Partial<ChatView> = {}
let asked: { path: string; key: string | null; body: unknown }[] = []
let answers: Answer[] = []
let stops: string[] = []

const greeting = message(1, { content: '어서 와요' })
const own = message(2, { role: 'user', content: '안녕', parent_id: 1, turn_id: 't1' })
const reply = message(3, { content: '반가워요', parent_id: 2, turn_id: 't1' })
const running = (id: number, extra: Partial<MessageView> = {}) =>
  message(id, {
    content: '',
    status: 'streaming',
    parent_id: 2,
    turn_id: 't2',
    sibling_ids: [3, id],
    ...extra,
  })

let nextEvent = 0
const turn = (assistant: MessageView, user = own, id = 't2') =>
  sse((nextEvent += 1), 'turn', {
    turn_id: id,
    state: 'streaming',
    user_message: user,
    assistant_message: assistant,
  })
const delta = (text: string) => sse((nextEvent += 1), 'delta', { text })
const end = (assistant: MessageView, name = 'done') =>
  sse((nextEvent += 1), name, { assistant_message: assistant, usage })
const events = (...all: string[]) =>
  new HttpResponse(all.join(''), { headers: { 'content-type': 'text/event-stream' } })

/** A stream to which the test adds events as it goes. */
function live() {
  const encoder = new TextEncoder()
  let control: ReadableStreamDefaultController<Uint8Array>
  const body = new ReadableStream<Uint8Array>({ start: (controller) => void (control = controller) })
  return {
    answer: () => new HttpResponse(body, { headers: { 'content-type': 'text/event-stream' } }),
    say: (...all: string[]) => control.enqueue(encoder.encode(all.join(''))),
    cut: () => control.close(),
  }
}

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())
beforeEach(async () => {
  branch = [greeting, own, reply]
  about = {}
  asked = []
  answers = []
  stops = []
  setActivePinia(createPinia())
  await useDraftStore().setUnsent(7, null)
  await useDraftStore().setEdit(7, null)
  const answer = (): Response | Promise<Response> => answers.shift()?.() ?? problem(500, 'internal')
  server.use(
    http.get('*/api/chats', () => list([chat(7)])),
    http.get(CHAT, () =>
      HttpResponse.json(chat(7, { head_message_id: branch.at(-1)?.id ?? null, ...about })),
    ),
    http.get(`${CHAT}/messages`, () => list(branch)),
    http.get(`${CHAT}/turns/:turn/events`, answer),
    http.post(`${CHAT}/turns/:turn/stop`, ({ params }) => {
      stops.push(String(params['turn']))
      return HttpResponse.json({}, { status: 202 })
    }),
    http.post(/\/api\/chats\/7\/messages/, async ({ request }) => {
      asked.push({
        path: new URL(request.url).pathname.replace('/api/chats/7/', ''),
        key: request.headers.get('idempotency-key'),
        body: await request.json(),
      })
      return answer()
    }),
  )
})

const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 })

async function opened() {
  const store = useChatStore()
  await store.loadChats()
  await store.openChat(7)
  return store
}
type Store = ReturnType<typeof useChatStore>
const idle = (store: Store) => until(() => expect(store.phase).toBe('idle'))
const shown = (store: Store) => store.messages.map((m) => [m.id, m.content, m.status])

describe('a reply that is being written', () => {
  it('is followed when the chat is opened, and what was saved of it stands until more comes', async () => {
    branch = [greeting, own, running(3, { content: '처음부터', turn_id: 't1' })]
    about = { running_turn_id: 't1' }
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    expect(store.streamText).toBe('처음부터')
    expect(store.streamingKey).toBe('m3')
    stream.say(turn(running(3, { turn_id: 't1' }), own, 't1'))
    await until(() => expect(store.streamingId).toBe(3))
    expect(store.streamText).toBe('처음부터')
    stream.say(delta('처음부터 끝까지'))
    await until(() => expect(store.streamText).toBe('처음부터 끝까지'))
    stream.say(end({ ...reply, content: '처음부터 끝까지' }))
    await idle(store)
    expect(shown(store)).toEqual([
      [1, '어서 와요', 'complete'],
      [2, '안녕', 'complete'],
      [3, '처음부터 끝까지', 'complete'],
    ])
  })

  it('begins anew when the server has lost the end of it', async () => {
    answers = [
      () =>
        events(
          turn(running(4, { parent_id: 6 }), message(6, { role: 'user', parent_id: 3 })),
          delta('한 마디, 두'),
        ),
      () =>
        events(
          turn(running(4, { parent_id: 6 }), message(6, { role: 'user', parent_id: 3 })),
          delta('한 마디, 세'),
          delta(' 마디'),
          end(message(4, { content: '한 마디, 세 마디', parent_id: 6 })),
        ),
    ]
    const store = await opened()
    await store.sendMessage('안녕')
    expect(shown(store).slice(-2)).toEqual([
      [6, '말 6', 'complete'],
      [4, '한 마디, 세 마디', 'complete'],
    ])
  })

  it('is read from the messages when a followed turn has nothing left to tell, and is not followed again', async () => {
    branch = [greeting, own, running(3, { turn_id: 't1' })]
    about = { running_turn_id: 't1' }
    answers = [() => ((branch = [greeting, own, reply]), new HttpResponse(null, { status: 204 }))]
    const store = await opened()
    await until(() => expect(shown(store).at(-1)).toEqual([3, '반가워요', 'complete']))
    expect(store.phase).toBe('idle')
  })

  it('is marked as interrupted when the server says so', async () => {
    branch = [greeting, own, running(3, { turn_id: 't1' })]
    about = { running_turn_id: 't1' }
    const error = sse((nextEvent += 1), 'error', { status: 502, code: 'reply_interrupted' })
    answers = [() => events(turn(running(3, { turn_id: 't1' }), own, 't1'), delta('반쯤'), error)]
    const store = await opened()
    await idle(store)
    expect(shown(store).at(-1)).toEqual([3, '반쯤', 'interrupted'])
  })

  it('says until when the model is too busy', async () => {
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.sendMessage('또')
    stream.say(turn(running(4)), sse((nextEvent += 1), 'busy', { retry_in_ms: 5_000 }))
    await until(() => expect(store.busyUntil).toBeGreaterThan(Date.now() + 4_000))
    stream.say(delta('네'))
    await until(() => expect(store.busyUntil).toBeNull())
    stream.say(end(message(4)))
    await done
  })
})

describe('stopping', () => {
  it('asks the server once, and shows what was written as stopped', async () => {
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.regenerate(3)
    stream.say(turn(running(4)), delta('반쯤'))
    await until(() => expect(store.phase).toBe('streaming'))
    await store.stop()
    expect(stops).toEqual(['t2'])
    expect(store.stopping).toBe(true)
    stream.say(end(running(4, { status: 'stopped', content: '반쯤' }), 'stopped'))
    await done
    expect(shown(store).at(-1)).toEqual([4, '반쯤', 'stopped'])
    expect(store.stopping).toBe(false)
  })

  it('waits for the turn to have a name', async () => {
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.sendMessage('또')
    await store.stop()
    expect(stops).toEqual([])
    stream.say(turn(running(4)))
    await until(() => expect(stops).toEqual(['t2']))
    stream.say(end(running(4, { status: 'stopped' }), 'stopped'))
    await done
  })

  it('shows it when the reply was stopped elsewhere', async () => {
    branch = [greeting, own, running(3, { turn_id: 't1' })]
    about = { running_turn_id: 't1' }
    const stopped = end(running(3, { status: 'stopped', content: '반쯤' }), 'stopped')
    answers = [() => events(turn(running(3, { turn_id: 't1' }), own, 't1'), delta('반쯤'), stopped)]
    const store = await opened()
    await idle(store)
    expect(shown(store).at(-1)).toEqual([3, '반쯤', 'stopped'])
    expect(stops).toEqual([])
  })

  it('says when it did not work, and can be tried again', async () => {
    server.use(http.post(`${CHAT}/turns/:turn/stop`, () => problem(500, 'internal'), { once: true }))
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.regenerate(3)
    stream.say(turn(running(4)))
    await until(() => expect(store.streamingId).toBe(4))
    await store.stop()
    expect(store.trouble).toMatchObject({ act: 'stop', problem: { code: 'internal' } })
    expect(store.stopping).toBe(false)
    store.trouble?.again?.()
    await until(() => expect(stops).toEqual(['t2']))
    stream.say(end(running(4, { status: 'stopped' }), 'stopped'))
    await done
  })
})

describe('a branch', () => {
  const later = message(5, { role: 'user', content: '그다음', parent_id: 3, turn_id: 't5' })
  const last = message(6, { content: '그렇군요', parent_id: 5, turn_id: 't5' })
  const other = message(8, {
    role: 'user',
    content: '아니',
    parent_id: 3,
    turn_id: 't8',
    sibling_ids: [5, 8],
  })
  const said = message(9, { content: '네?', parent_id: 8, turn_id: 't8' })
  const sight = (store: Store) => store.shown.map((m) => [m.id, m.status])
  const start = [
    [1, 'complete'],
    [2, 'complete'],
    [3, 'complete'],
  ]
  beforeEach(() => {
    branch = [greeting, own, reply, later, last]
  })

  it('goes on after an earlier reply, in the place of what followed it', async () => {
    answers = [() => events(turn({ ...said, content: '' }, other, 't8'), delta('네?'), end(said))]
    const store = await opened()
    store.branchFrom(3)
    expect(sight(store)).toEqual(start)
    await store.sendMessage('아니')
    expect(asked[0]).toMatchObject({ path: 'messages', body: { content: '아니', parent_id: 3 } })
    expect(store.branchId).toBeNull()
    expect(shown(store)).toEqual([
      [1, '어서 와요', 'complete'],
      [2, '안녕', 'complete'],
      [3, '반가워요', 'complete'],
      [8, '아니', 'complete'],
      [9, '네?', 'complete'],
    ])
  })

  it('is left without a trace', async () => {
    const store = await opened()
    store.branchFrom(3)
    store.leaveBranch()
    expect(store.shown).toHaveLength(5)
    store.branchFrom(6)
    expect(store.branchId).toBeNull()
  })

  it('keeps its place when the message was not sent, also after a reload', async () => {
    answers = [
      () => problem(500, 'internal'),
      () => events(turn({ ...said, content: '' }, other, 't8'), end(said)),
    ]
    const first = await opened()
    first.branchFrom(3)
    await first.sendMessage('아니')
    expect(sight(first)).toEqual([...start, [null, 'failed']])
    setActivePinia(createPinia())
    const store = await opened()
    expect(sight(store)).toEqual([...start, [null, 'failed']])
    await store.resend()
    expect(asked[1]).toEqual(asked[0])
    expect(store.messages.at(-1)).toMatchObject({ id: 9, status: 'complete' })
  })
})

describe('another reply', () => {
  it('takes the row of the one before at once, and what followed that one is gone from view', async () => {
    branch = [greeting, own, reply, message(5, { role: 'user', parent_id: 3 }), message(6, { parent_id: 5 })]
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.regenerate(3)
    expect(store.messages.map((m) => [m.key, m.content])).toEqual([
      ['m1', '어서 와요'],
      ['m2', '안녕'],
      ['m3', ''],
    ])
    expect(store.streamingKey).toBe('m3')
    stream.say(turn(running(8, { sibling_ids: [3, 8] })), delta('또 왔네요'))
    stream.say(end(message(8, { content: '또 왔네요', parent_id: 2, sibling_ids: [3, 8] })))
    await done
    expect(asked).toEqual([{ path: 'messages/3/regenerate', key: expect.any(String), body: {} }])
    expect(store.messages.map((m) => [m.key, m.id, m.siblingIds])).toEqual([
      ['m1', 1, [1]],
      ['m2', 2, [2]],
      ['m3', 8, [3, 8]],
    ])
  })

  it('is asked for once, however often it is pressed', async () => {
    answers = [() => events(turn(running(4)), end(message(4, { parent_id: 2 })))]
    const store = await opened()
    await Promise.all([store.regenerate(3), store.regenerate(3), store.continueReply(3)])
    expect(asked).toHaveLength(1)
  })

  it('leaves everything as it was when the server refuses, and is tried again under the same key', async () => {
    answers = [
      () => problem(500, 'internal'),
      () => events(turn(running(4)), end(message(4, { parent_id: 2 }))),
    ]
    const store = await opened()
    await store.regenerate(3)
    expect(shown(store).at(-1)).toEqual([3, '반가워요', 'complete'])
    expect(store.trouble).toMatchObject({ act: 'regenerate', problem: { code: 'internal' } })
    store.trouble?.again?.()
    await until(() => expect(store.messages.at(-1)?.id).toBe(4))
    await idle(store)
    expect(asked[1]?.key).toBe(asked[0]?.key)
  })

  it('counts down when the server is full', async () => {
    const full = problem(503, 'overloaded')
    full.headers.set('retry-after', '7')
    answers = [() => full]
    const store = await opened()
    await store.regenerate(3)
    expect(store.block).toMatchObject({ code: 'overloaded', retryAt: expect.any(Number) })
    expect(asked).toHaveLength(1)
  })

  it('follows the reply that another tab asked for meanwhile', async () => {
    const stream = live()
    const busy = () => {
      branch = [greeting, own, running(9, { turn_id: 't9' })]
      about = { running_turn_id: 't9' }
      return problem(409, 'turn_running', { turn_id: 't9' })
    }
    answers = [busy, stream.answer]
    const store = await opened()
    await store.regenerate(3)
    expect(store.trouble).toMatchObject({ problem: { code: 'turn_running' }, again: null })
    stream.say(turn(running(9, { turn_id: 't9' }), own, 't9'), delta('저쪽에서'))
    stream.say(end(message(9, { content: '저쪽에서', parent_id: 2 })))
    await until(() => expect(shown(store).at(-1)).toEqual([9, '저쪽에서', 'complete']))
  })

  it('goes on from what was cut, which stays in sight', async () => {
    branch = [greeting, own, { ...reply, content: '반쯤', status: 'stopped' }]
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.continueReply(3)
    expect([store.streamingKey, store.streamText]).toEqual(['m3', '반쯤'])
    stream.say(turn(running(4)))
    await until(() => expect(store.streamingId).toBe(4))
    expect(store.streamText).toBe('반쯤')
    stream.say(delta('반쯤'), delta(' 온 말'))
    await until(() => expect(store.streamText).toBe('반쯤 온 말'))
    stream.say(end(message(4, { content: '반쯤 온 말', parent_id: 2, sibling_ids: [3, 4] })))
    await done
    expect(asked[0]?.path).toBe('messages/3/continue')
    expect(store.messages.at(-1)).toMatchObject({ id: 4, key: 'm3', content: '반쯤 온 말' })
  })
})

describe('an edit', () => {
  const edited = message(4, { role: 'user', content: '아니', parent_id: 1, sibling_ids: [2, 4] })
  const answered = message(5, { content: '그래요', parent_id: 4 })

  it('puts other words in the place of the old ones', async () => {
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    store.startEdit(2)
    expect(store.editing?.text).toBe('안녕')
    store.writeEdit(' 아니 ')
    const done = store.editMessage()
    expect(store.editing).toBeNull()
    expect(store.messages.map((m) => [m.key, m.content, m.status])).toEqual([
      ['m1', '어서 와요', 'complete'],
      ['m2', '아니', 'sending'],
    ])
    stream.say(turn(running(5, { parent_id: 4 }), edited), end(answered))
    await done
    expect(asked).toEqual([{ path: 'messages/2/edit', key: expect.any(String), body: { content: '아니' } }])
    expect(store.messages.map((m) => [m.key, m.id])).toEqual([
      ['m1', 1],
      ['m2', 4],
      ['m5', 5],
    ])
    await expect(useDraftStore().edit(7)).resolves.toBeNull()
  })

  it('is open as before when the server refuses, and the same words carry the same key', async () => {
    answers = [
      () => problem(500, 'internal'),
      () => problem(500, 'internal'),
      () => events(turn(running(5, { parent_id: 4 }), edited), end(answered)),
    ]
    const store = await opened()
    store.startEdit(2)
    store.writeEdit('아니')
    await store.editMessage()
    expect(shown(store)).toHaveLength(3)
    expect(store.editing).toMatchObject({ messageId: 2, text: '아니', problem: { code: 'internal' } })
    await store.editMessage()
    store.writeEdit('아니요')
    await store.editMessage()
    expect(asked[1]?.key).toBe(asked[0]?.key)
    expect(asked[2]?.key).not.toBe(asked[0]?.key)
  })

  it('outlives a reload of the page', async () => {
    const first = await opened()
    first.startEdit(2)
    first.writeEdit('아니, 그게')
    setActivePinia(createPinia())
    const store = await opened()
    expect(store.editing).toMatchObject({ messageId: 2, text: '아니, 그게' })
    store.cancelEdit()
    await expect(useDraftStore().edit(7)).resolves.toBeNull()
  })

  it('of the very first message leaves nothing before it', async () => {
    const first = message(2, { role: 'user', content: '안녕', parent_id: null })
    branch = [first, reply]
    const other = { ...edited, parent_id: null }
    answers = [() => events(turn(running(5, { parent_id: 4 }), other), end(answered))]
    const store = await opened()
    store.startEdit(2)
    store.writeEdit('아니')
    await store.editMessage()
    expect(store.messages.map((m) => m.id)).toEqual([4, 5])
  })
})

describe('another branch', () => {
  const other = message(8, { content: '다른 답', parent_id: 2, sibling_ids: [3, 8] })
  const tail = message(9, { role: 'user', content: '그다음', parent_id: 8 })
  let chosen: unknown[] = []
  beforeEach(() => {
    chosen = []
    branch = [greeting, own, { ...reply, sibling_ids: [3, 8] }]
    server.use(
      http.put(`${CHAT}/head`, async ({ request }) => {
        chosen.push(await request.json())
        branch = [greeting, own, other, tail]
        return HttpResponse.json(chat(7, { head_message_id: 9 }))
      }),
    )
  })

  it('is shown at once, in the row of the sibling', async () => {
    const store = await opened()
    await store.switchVariant('m3', 1)
    expect(chosen).toEqual([{ message_id: 8 }])
    expect(store.messages.map((m) => [m.key, m.id])).toEqual([
      ['m1', 1],
      ['m2', 2],
      ['m3', 8],
      ['m9', 9],
    ])
    expect(store.currentChat?.head_message_id).toBe(9)
  })

  it('ends where there are no more siblings', async () => {
    const store = await opened()
    await store.switchVariant('m3', -1)
    await store.switchVariant('m1', 1)
    expect(chosen).toEqual([])
  })

  it('stays away while a reply is being written', async () => {
    const stream = live()
    answers = [stream.answer]
    const store = await opened()
    const done = store.sendMessage('또')
    await store.switchVariant('m3', 1)
    expect(chosen).toEqual([])
    stream.say(turn(running(4)), end(message(4)))
    await done
  })

  it('keeps what was read before the place where the branches part', async () => {
    const old = message(90, { content: '옛날', parent_id: null })
    server.use(
      http.get(`${CHAT}/messages`, ({ request }) =>
        new URL(request.url).searchParams.has('before') ? list([old]) : list(branch, '1'),
      ),
    )
    branch = [{ ...greeting, parent_id: 90 }, own, { ...reply, sibling_ids: [3, 8] }]
    const store = await opened()
    await store.loadOlder()
    server.use(http.get(`${CHAT}/messages`, () => list([other, tail], '2')))
    await store.switchVariant('m3', 1)
    expect(store.messages.map((m) => m.id)).toEqual([90, 1, 2, 8, 9])
    expect(store.olderCursor).toBeNull()
  })

  it('says when it could not be opened', async () => {
    server.use(http.put(`${CHAT}/head`, () => problem(500, 'internal')))
    const store = await opened()
    await store.switchVariant('m3', 1)
    expect(store.trouble).toMatchObject({ act: 'switch', problem: { code: 'internal' } })
    expect(store.messages.at(-1)?.id).toBe(3)
  })
})

describe('a page that was away', () => {
  it('shows what was said elsewhere, and keeps its rows', async () => {
    const store = await opened()
    branch = [greeting, own, reply, message(5, { role: 'user', parent_id: 3 }), message(6, { parent_id: 5 })]
    const rows = store.messages.map((m) => m.key)
    await store.refresh()
    expect(store.messages.map((m) => m.id)).toEqual([1, 2, 3, 5, 6])
    expect(store.messages.slice(0, 3).map((m) => m.key)).toEqual(rows)
  })

  it('follows a reply that was asked for elsewhere', async () => {
    const store = await opened()
    branch = [greeting, own, running(9, { turn_id: 't9' })]
    about = { running_turn_id: 't9' }
    answers = [
      () => events(turn(running(9, { turn_id: 't9' }), own, 't9'), end(message(9, { parent_id: 2 }))),
    ]
    await store.refresh()
    await until(() => expect(shown(store).at(-1)).toEqual([9, '말 9', 'complete']))
  })

  it('reads nothing anew when nothing happened', async () => {
    const store = await opened()
    const before = store.messages
    await store.refresh()
    expect(store.messages).toBe(before)
  })

  it('sends a message again whose answer it never saw, under its key', async () => {
    const sent = { content: '또', idempotencyKey: 'key-1', sentAt: Date.now() }
    await useDraftStore().setUnsent(7, sent)
    const user = message(5, { role: 'user', content: '또', parent_id: 3 })
    answers = [() => events(turn(running(6, { parent_id: 5 }), user), end(message(6, { parent_id: 5 })))]
    const store = await opened()
    await until(() => expect(store.messages.at(-1)?.id).toBe(6))
    await idle(store)
    expect(asked).toEqual([{ path: 'messages', key: 'key-1', body: { content: '또' } }])
    expect(store.messages.map((m) => m.id)).toEqual([1, 2, 3, 5, 6])
    await expect(useDraftStore().unsent(7)).resolves.toBeNull()
  })
})
