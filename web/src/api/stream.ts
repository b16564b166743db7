import type { AxiosResponse } from 'axios'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { MessageView, UsageView } from './generated/types.gen'
import { http, noteFailure, renewAfter } from './http'
import { ApiError, fromResponse, toApiError, toProblem, type Problem } from './problem'

/** What a turn says while it runs. The set is closed: other event names are ignored. */
export type TurnEvent =
  | { type: 'turn'; turn_id: string; user_message: MessageView; assistant_message: MessageView }
  | { type: 'delta'; text: string }
  | { type: 'busy'; retry_in_ms: number }
  | { type: 'usage'; usage: UsageView }
  | { type: 'done' | 'stopped'; assistant_message: MessageView; usage: UsageView }
  | { type: 'error'; problem: Problem }

export interface StreamListener {
  onEvent: (event: TurnEvent) => void
  /** `false` when the connection broke and will be tried again, `true` when it is back. */
  onConnected?: (connected: boolean) => void
}

export interface StreamOptions {
  signal: AbortSignal
  /** Milliseconds to wait before try number `n` (from 0); tests shorten it. */
  backoff?: (attempt: number) => number
  /** Milliseconds without a single byte after which a connection counts as broken. */
  silenceMs?: number
}

/** What a turn begins with: new words, other words in the place of old ones, or another go at a reply. */
export type TurnAct =
  | { type: 'send'; content: string; parentId?: number }
  | { type: 'edit'; messageId: number; content: string }
  | { type: 'regenerate' | 'continue'; messageId: number }

export interface TurnRequest {
  chatId: number
  act: TurnAct
  /** The same for every try to begin the same turn, so that it begins once. */
  idempotencyKey: string
}

/** How a followed turn ended: with its last event, or (`gone`) with nothing left to tell, so the messages must be read again. */
export type StreamEnd = 'ended' | 'gone'

const TRIES = 6
const SILENCE_MS = 30_000
/** The server gives a sign of life every 15 seconds. A connection that was silent for longer did not survive the sleep of its device. */
const SLEPT_MS = 20_000
const FIRST_WAIT_MS = 300
const LONGEST_WAIT_MS = 8_000
/** The longest pause that the server can ask for while a turn is followed. */
const LONGEST_ASKED_MS = 60_000

interface Cursor {
  chatId: number
  turnId: string | null
  lastEventId: string | null
}

/** What waits for a better time, to be told that it may have come. */
const waiting = new Set<() => void>()

/** To be called when the device woke up or is on a network again: pauses end now, and connections that died unnoticed are made anew. */
export function nudgeStreams(): void {
  for (const wake of [...waiting]) wake()
}

/** Begins a turn and follows it to the end, over as many connections as it takes. Throws an {@link ApiError}. */
export function startTurnStream(
  request: TurnRequest,
  listener: StreamListener,
  options: StreamOptions,
): Promise<StreamEnd> {
  const cursor: Cursor = { chatId: request.chatId, turnId: null, lastEventId: null }
  return run(cursor, request, listener, options)
}

/** Follows a turn that runs already, from the beginning of its text. Throws an {@link ApiError}. */
export function followTurnStream(
  chatId: number,
  turnId: string,
  listener: StreamListener,
  options: StreamOptions,
): Promise<StreamEnd> {
  return run({ chatId, turnId, lastEventId: null }, null, listener, options)
}

async function run(
  cursor: Cursor,
  request: TurnRequest | null,
  listener: StreamListener,
  options: StreamOptions,
): Promise<StreamEnd> {
  const wait = options.backoff ?? defaultBackoff
  for (let attempt = 0; ; attempt += 1) {
    const before = cursor.lastEventId
    let broken: ApiError
    try {
      return await connect(cursor, request, listener, options)
    } catch (thrown) {
      broken = toApiError(thrown)
    }
    if (isFinal(broken, cursor)) throw broken
    // A connection that brought something new was a good one: the tries count from here.
    if (cursor.lastEventId !== before) attempt = 0
    if (attempt + 1 >= TRIES && !isAway(broken, cursor)) throw broken
    listener.onConnected?.(false)
    const asked = Math.min((broken.problem.retryAt ?? 0) - Date.now(), LONGEST_ASKED_MS)
    await sleep(Math.max(wait(attempt), asked), options.signal)
  }
}

/** Whether trying again cannot help. Before the turn exists, only silence and a gateway's word leave its fate open. */
function isFinal(error: ApiError, cursor: Cursor): boolean {
  const { code, status, turn_id } = error.problem
  if (['aborted', 'service_paused', 'storage_full'].includes(code)) return true
  if (status === 0) return false
  if (cursor.turnId === null) return status < 502 || code === 'overloaded' || turn_id !== undefined
  return status < 500 && status !== 429
}

/** Whether the server is out of reach while a turn is followed: the turn goes on without us, so there is no hurry to give up. */
function isAway(error: ApiError, cursor: Cursor): boolean {
  const { status } = error.problem
  return cursor.turnId !== null && (status === 0 || (status >= 502 && status <= 504))
}

/** One connection. Resolves when the turn has ended and throws when the connection has. */
async function connect(
  cursor: Cursor,
  request: TurnRequest | null,
  listener: StreamListener,
  options: StreamOptions,
): Promise<StreamEnd> {
  const silence = new AbortController()
  const signal = AbortSignal.any([options.signal, silence.signal])
  const watch = watchdog(options.silenceMs ?? SILENCE_MS, () => silence.abort())
  try {
    const response = await open(cursor, request, signal)
    if (response === null) return 'gone'
    listener.onConnected?.(true)
    const end = await read(response.data, cursor, listener, watch.touch)
    if (end !== 'revoked') return end
    // The token is good no more. With a new one the turn is read on; without one the session is over.
    const isRenewed = await renewAfter(response.config)
    throw new ApiError(isRenewed ? { status: 0, code: 'network' } : { status: 401, code: 'unauthorized' })
  } catch (error) {
    if (options.signal.aborted) throw new ApiError({ status: 0, code: 'aborted' })
    if (silence.signal.aborted) throw new ApiError({ status: 0, code: 'timeout' })
    throw error
  } finally {
    watch.stop()
    silence.abort()
  }
}

/** Where an act is sent to, and its body. */
function address(act: TurnAct): { path: string; data: Record<string, unknown> } {
  switch (act.type) {
    case 'send': {
      const parent = act.parentId === undefined ? {} : { parent_id: act.parentId }
      return { path: 'messages', data: { content: act.content, ...parent } }
    }
    case 'edit':
      return { path: `messages/${act.messageId}/edit`, data: { content: act.content } }
    case 'regenerate':
    case 'continue':
      return { path: `messages/${act.messageId}/${act.type}`, data: {} }
  }
}

/** Opens the stream: the act itself as long as no turn is known, the rest of the turn after that. `null`: nothing is left. */
async function open(
  cursor: Cursor,
  request: TurnRequest | null,
  signal: AbortSignal,
): Promise<AxiosResponse<ReadableStream<Uint8Array>> | null> {
  const headers: Record<string, string> = { Accept: 'text/event-stream' }
  const shared = {
    signal,
    adapter: 'fetch',
    responseType: 'stream',
    timeout: 0,
    validateStatus: () => true,
  } as const
  const chat = `/api/chats/${cursor.chatId}`
  let response
  if (cursor.turnId === null && request) {
    headers['Idempotency-Key'] = request.idempotencyKey
    const { path, data } = address(request.act)
    response = await http.post<ReadableStream<Uint8Array>>(`${chat}/${path}`, data, { ...shared, headers })
  } else {
    if (cursor.lastEventId !== null) headers['Last-Event-ID'] = cursor.lastEventId
    const url = `${chat}/turns/${encodeURIComponent(cursor.turnId ?? '')}/events`
    response = await http.get<ReadableStream<Uint8Array>>(url, { ...shared, headers })
  }
  if (response.status === 204) return null
  if (response.status === 200) return response
  const error = fromResponse(response, await readJson(response.data))
  noteFailure(error)
  throw error
}

async function readJson(body: ReadableStream<Uint8Array>): Promise<unknown> {
  try {
    return await new Response(body).json()
  } catch {
    return null
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  cursor: Cursor,
  listener: StreamListener,
  touch: () => void,
): Promise<'ended' | 'revoked'> {
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      touch()
      controller.enqueue(chunk)
    },
  })
  const events = body
    .pipeThrough(counted)
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader()
  try {
    for (;;) {
      const { done, value } = await events.read()
      // An end without a last word is a break, however orderly the connection closed.
      if (done) throw new ApiError({ status: 0, code: 'network' })
      const event = parse(value.event, value.data)
      if (value.id !== undefined) cursor.lastEventId = value.id
      if (!event) continue
      if (event.type === 'revoked') return 'revoked'
      if (event.type === 'turn') cursor.turnId = event.turn_id
      listener.onEvent(event)
      if (event.type === 'done' || event.type === 'stopped' || event.type === 'error') return 'ended'
    }
  } finally {
    events.cancel().catch(() => {})
  }
}

function parse(name: string | undefined, text: string): TurnEvent | { type: 'revoked' } | null {
  if (name === 'revoked') return { type: 'revoked' }
  const data = JSON.parse(text) as Record<string, unknown>
  switch (name) {
    case 'turn':
    case 'delta':
    case 'busy':
    case 'done':
    case 'stopped':
      return { ...data, type: name } as TurnEvent
    case 'usage':
      return { type: 'usage', usage: data as unknown as UsageView }
    case 'error':
      return { type: 'error', problem: toProblem(500, data['problem'] ?? data) }
    default:
      return null
  }
}

/** Bites after a silence, and when the device wakes up after one. */
function watchdog(ms: number, bite: () => void): { touch: () => void; stop: () => void } {
  let last = Date.now()
  let timer = setTimeout(bite, ms)
  const wake = () => Date.now() - last > Math.min(SLEPT_MS, ms) && bite()
  waiting.add(wake)
  return {
    touch: () => {
      last = Date.now()
      clearTimeout(timer)
      timer = setTimeout(bite, ms)
    },
    stop: () => {
      waiting.delete(wake)
      clearTimeout(timer)
    },
  }
}

/** 0.3 s, doubling up to 8 s, give or take a quarter so that many readers do not come back at once. */
function defaultBackoff(attempt: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS) * (0.75 + Math.random() * 0.5)
}

/** Waits, but no longer than until the next nudge. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer)
      waiting.delete(wake)
      signal.removeEventListener('abort', aborted)
      settle()
    }
    const wake = () => end(resolve)
    const aborted = () => end(() => reject(new ApiError({ status: 0, code: 'aborted' })))
    const timer = setTimeout(wake, ms)
    waiting.add(wake)
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
  })
}
