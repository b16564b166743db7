// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sse, turnEvents } from '@/testing/msw'
import { http, setupHttp } from './http'
import { ApiError } from './problem'
import { followTurnStream, nudgeStreams, startTurnStream, type TurnAct, type TurnEvent } from './stream'

interface Call {
  method: string
  url: string
  headers: Headers
  body: unknown
}
type Answer = (call: Call, signal: AbortSignal) => Response | Promise<Response>

let calls: Call[] = []
let answers: Answer[] = []
let token = 'token'
const renew = vi.fn<(stale: string | null) => Promise<string | null>>()

beforeEach(() => {
  calls = []
  answers = []
  token = 'token'
  renew.mockReset().mockResolvedValue(null)
  setupHttp({
    session: { current: () => Promise.resolve(token), renew },
    locale: () => 'ko',
    onReachable: () => {},
  })
  http.defaults.baseURL = 'http://localhost'
  http.defaults.env = {
    ...http.defaults.env,
    fetch: (async (input: Request | string, init?: RequestInit) => {
      const request = new Request(input, init)
      const text = await request.text()
      const call = {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: text ? JSON.parse(text) : null,
      }
      calls.push(call)
      const answer = answers.shift()
      if (!answer) throw new Error('no answer prepared')
      return answer(call, request.signal)
    }) as typeof fetch,
  }
})
afterEach(() => vi.useRealTimers())

const encoder = new TextEncoder()
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 })

function stream(chunks: (string | Uint8Array)[], { open = false } = {}): Answer {
  return (_call, signal) =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const chunk of chunks)
            controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
          if (!open) controller.close()
          else
            signal.addEventListener('abort', () =>
              controller.error(new DOMException('aborted', 'AbortError')),
            )
        },
      }),
      { headers: { 'content-type': 'text/event-stream' } },
    )
}

function refuse(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return () => new Response(JSON.stringify({ status, code }), { status, headers })
}
const unreachable: Answer = () => {
  throw new TypeError('fetch failed')
}

interface Overrides {
  silenceMs?: number
  signal?: AbortSignal
  backoff?: (attempt: number) => number
}
function send(overrides: Overrides = {}, act: TurnAct = { type: 'send', content: '안녕' }) {
  const events: TurnEvent[] = []
  const connected: boolean[] = []
  const end = startTurnStream(
    { chatId: 7, act, idempotencyKey: 'key-1' },
    { onEvent: (event) => events.push(event), onConnected: (value) => connected.push(value) },
    { signal: new AbortController().signal, backoff: () => 0, ...overrides },
  )
  return { events, connected, end }
}
const textOf = (events: TurnEvent[]) =>
  events.map((event) => (event.type === 'delta' ? event.text : '')).join('')
const words = ['안녕하세요, ', '🦁', ' **반가워요**', '.\n\n끝']

describe('sending a message', () => {
  it('reads the same events wherever the bytes are cut', async () => {
    const bytes = encoder.encode(turnEvents(words).join(''))
    for (const size of [1, 2, 3, 7, 64, bytes.length]) {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size))
      answers = [stream(chunks)]
      const { events, end } = send()
      await expect(end).resolves.toBe('ended')
      expect(textOf(events)).toBe(words.join(''))
      expect(events.at(-1)?.type).toBe('done')
    }
  })

  it('is asked for as a stream, with its key and the token', async () => {
    answers = [stream(turnEvents(words))]
    await send().end
    const [call] = calls
    expect(call).toMatchObject({
      method: 'POST',
      url: 'http://localhost/api/chats/7/messages',
      body: { content: '안녕' },
    })
    expect(call?.headers.get('accept')).toBe('text/event-stream')
    expect(call?.headers.get('idempotency-key')).toBe('key-1')
    expect(call?.headers.get('authorization')).toBe('Bearer token')
  })

  it('takes an end without a last word for a break and asks for the rest', async () => {
    const all = turnEvents(words)
    answers = [stream(all.slice(0, 3)), stream(all.slice(3))]
    const { events, connected, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
    expect(calls[1]).toMatchObject({ method: 'GET', url: 'http://localhost/api/chats/7/turns/t1/events' })
    expect(calls[1]?.headers.get('last-event-id')).toBe('3')
    expect(connected).toEqual([true, false, true])
  })

  it('takes half an event before a break for none', async () => {
    const all = turnEvents(words)
    answers = [stream([...all.slice(0, 2), all[2]?.slice(0, 20) ?? '']), stream(all.slice(2))]
    const { events, end } = send()
    await end
    expect(textOf(events)).toBe(words.join(''))
    expect(calls[1]?.headers.get('last-event-id')).toBe('2')
  })

  it('is sent again under the same key when nobody answered', async () => {
    answers = [unreachable, refuse(503, 'service_unavailable'), stream(turnEvents(words))]
    await send().end
    expect(calls.map((call) => call.headers.get('idempotency-key'))).toEqual(['key-1', 'key-1', 'key-1'])
  })

  it('gives up after six tries and says why', async () => {
    answers = Array.from({ length: 6 }, () => unreachable)
    await expect(send().end).rejects.toMatchObject({ problem: { status: 0, code: 'network' } })
    expect(calls).toHaveLength(6)
  })

  it.each([
    [422, 'validation_failed'],
    [409, 'turn_running'],
    [404, 'not_found'],
    [500, 'internal'],
  ])('takes %i for the last word', async (status, code) => {
    answers = [refuse(status, code)]
    await expect(send().end).rejects.toMatchObject({ problem: { status, code } })
    expect(calls).toHaveLength(1)
  })

  it('says how long to wait when there were too many', async () => {
    answers = [refuse(429, 'too_many_turns', { 'retry-after': '7' })]
    const error = (await send().end.catch((thrown: unknown) => thrown)) as ApiError
    expect(error.problem.retryAt).toBeGreaterThan(Date.now() + 6_000)
    expect(error.problem.retryAt).toBeLessThanOrEqual(Date.now() + 7_000)
  })

  it('says when a used-up allowance opens again, and does not try before', async () => {
    const body = { status: 429, code: 'budget_exhausted', resets_at: '2026-01-15T15:00:00Z' }
    answers = [() => new Response(JSON.stringify(body), { status: 429, headers: { 'retry-after': '60' } })]
    await expect(send().end).rejects.toMatchObject({
      problem: { code: 'budget_exhausted', retryAt: Date.parse(body.resets_at) },
    })
    expect(calls).toHaveLength(1)
  })

  it.each(['service_paused', 'overloaded'])('is not repeated by itself after %s', async (code) => {
    answers = [refuse(503, code, { 'retry-after': '60' })]
    await expect(send().end).rejects.toMatchObject({ problem: { code } })
    expect(calls).toHaveLength(1)
  })

  it('goes on with a new token when the old one is good no more', async () => {
    renew.mockImplementation(() => Promise.resolve((token = 'new')))
    answers = [refuse(401, 'unauthorized'), stream(turnEvents(words))]
    const { events, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
    expect(renew).toHaveBeenCalledExactlyOnceWith('token')
    expect(calls.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer token', 'Bearer new'])
    expect(calls[1]).toMatchObject({ method: 'POST', body: { content: '안녕' } })
    expect(calls[1]?.headers.get('idempotency-key')).toBe('key-1')
  })

  it('ends when the session is over', async () => {
    answers = [refuse(401, 'unauthorized')]
    await expect(send().end).rejects.toMatchObject({ problem: { code: 'unauthorized' } })
    expect(renew).toHaveBeenCalledOnce()
  })

  it('reads a turn on with a new token when its stream is revoked', async () => {
    renew.mockImplementation(() => Promise.resolve((token = 'new')))
    const all = turnEvents(words)
    answers = [stream([...all.slice(0, 3), 'event: revoked\ndata: {}\n\n']), stream(all.slice(3))]
    const { events, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
    expect(calls[1]?.headers.get('authorization')).toBe('Bearer new')
    expect(calls[1]?.headers.get('last-event-id')).toBe('3')
  })

  it('stops at a revoked stream when the session is over', async () => {
    answers = [stream([...turnEvents(words).slice(0, 3), 'event: revoked\ndata: {}\n\n'])]
    await expect(send().end).rejects.toMatchObject({ problem: { status: 401 } })
    expect(calls).toHaveLength(1)
  })

  it('does not take a silent server for the end of the session', async () => {
    renew.mockRejectedValueOnce(new ApiError({ status: 0, code: 'network' }))
    renew.mockImplementation(() => Promise.resolve((token = 'new')))
    const all = turnEvents(words)
    answers = [
      stream(all.slice(0, 3)),
      refuse(401, 'unauthorized'),
      refuse(401, 'unauthorized'),
      stream(all.slice(3)),
    ]
    const { events, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
  })

  it('takes silence for a break', async () => {
    const all = turnEvents(words)
    answers = [stream(all.slice(0, 2), { open: true }), stream(all.slice(2))]
    const { events, end } = send({ silenceMs: 30 })
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
  })

  it('lets pings pass and ignores events that it does not know', async () => {
    const all = turnEvents(words)
    answers = [stream([all[0] ?? '', ': ping\n\n', sse(2, 'surprise', { run: 'alert(1)' }), ...all.slice(1)])]
    const { events, end } = send()
    await end
    expect(events.map((event) => event.type)).toEqual([
      'turn',
      'delta',
      'delta',
      'delta',
      'delta',
      'usage',
      'done',
    ])
  })

  it('hands an error event on as a problem and ends', async () => {
    answers = [
      stream([
        ...turnEvents(words).slice(0, 3),
        sse(9, 'error', { status: 502, code: 'upstream_failed', turn_id: 't1' }),
      ]),
    ]
    const { events, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(events.at(-1)).toMatchObject({ type: 'error', problem: { status: 502, code: 'upstream_failed' } })
  })

  it('does not give a turn up, however long the server is away', async () => {
    const all = turnEvents(words)
    const away = Array.from({ length: 20 }, (_, i) => (i % 2 ? unreachable : refuse(503, 'not_ready')))
    answers = [stream(all.slice(0, 3)), ...away, stream(all.slice(3))]
    const { events, end } = send()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
    expect(calls.at(-1)?.headers.get('last-event-id')).toBe('3')
  })

  it('tries again at once when the network is back', async () => {
    const all = turnEvents(words)
    answers = [stream(all.slice(0, 3)), stream(all.slice(3))]
    const { connected, end } = send({ backoff: () => 60_000 })
    await until(() => expect(connected).toEqual([true, false]))
    nudgeStreams()
    await expect(end).resolves.toBe('ended')
  })

  it('makes a connection anew that was silent while the device slept, and no other', async () => {
    const all = turnEvents(words)
    answers = [stream(all.slice(0, 3), { open: true }), stream(all.slice(3))]
    const { events, end } = send()
    await until(() => expect(events).toHaveLength(3))
    nudgeStreams()
    expect(calls).toHaveLength(1)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25_000 })
    nudgeStreams()
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
  })

  it('stops at once when it is told to', async () => {
    const controller = new AbortController()
    answers = [stream(turnEvents(words).slice(0, 2), { open: true })]
    const { events, end } = send({ signal: controller.signal })
    await until(() => expect(events).toHaveLength(2))
    controller.abort()
    await expect(end).rejects.toMatchObject({ problem: { code: 'aborted' } })
    expect(calls).toHaveLength(1)
  })
})

describe('other beginnings of a turn', () => {
  it.each<[TurnAct, string, unknown]>([
    [{ type: 'edit', messageId: 5, content: '아니' }, 'messages/5/edit', { content: '아니' }],
    [{ type: 'regenerate', messageId: 6 }, 'messages/6/regenerate', {}],
    [{ type: 'continue', messageId: 6 }, 'messages/6/continue', {}],
  ])('%o', async (act, path, body) => {
    answers = [unreachable, stream(turnEvents(words))]
    const { events, end } = send({}, act)
    await expect(end).resolves.toBe('ended')
    expect(textOf(events)).toBe(words.join(''))
    for (const call of calls) {
      expect(call).toMatchObject({ method: 'POST', url: `http://localhost/api/chats/7/${path}`, body })
      expect(call.headers.get('idempotency-key')).toBe('key-1')
    }
    expect(calls).toHaveLength(2)
  })
})

describe('following a turn', () => {
  const follow = (onEvent: (event: TurnEvent) => void) =>
    followTurnStream(7, 't1', { onEvent }, { signal: new AbortController().signal, backoff: () => 0 })

  it('begins at the beginning', async () => {
    answers = [stream(turnEvents(words))]
    const events: TurnEvent[] = []
    await expect(follow((event) => events.push(event))).resolves.toBe('ended')
    expect(calls[0]?.method).toBe('GET')
    expect(calls[0]?.headers.has('last-event-id')).toBe(false)
    expect(textOf(events)).toBe(words.join(''))
  })

  it('says when nothing is left to tell', async () => {
    answers = [() => new Response(null, { status: 204 })]
    await expect(follow(() => {})).resolves.toBe('gone')
  })

  it('tries again after 429 and 5xx, and no further after 404', async () => {
    answers = [refuse(429, 'rate_limited'), refuse(500, 'internal'), refuse(404, 'not_found')]
    await expect(follow(() => {})).rejects.toMatchObject({ problem: { status: 404 } })
    expect(calls).toHaveLength(3)
  })
})
