import type { Ref, ShallowRef } from 'vue'
import type { MessageView } from '@/api/generated/types.gen'
import { type ApiError, type Problem, toApiError } from '@/api/problem'
import {
  followTurnStream,
  startTurnStream,
  type StreamEnd,
  type StreamListener,
  type TurnEvent,
  type TurnRequest,
} from '@/api/stream'
import { useConnectionStore } from '@/shell/connection.store'
import { useQuotaStore } from '@/features/usage'
import { fromView, type Message, type Phase } from './chat.types'
import { createTextBuffer } from './textBuffer'

/** The state of the chat store that a turn changes, and what it tells the store. */
export interface TurnHost {
  messages: ShallowRef<readonly Message[]>
  phase: Ref<Phase>
  /** Until when the model is too busy to be asked again; `null` when it is not. */
  busyUntil: Ref<number | null>
  stopping: Ref<boolean>
  streamText: Ref<string>
  streamingId: Ref<number | null>
  streamingKey: Ref<string | null>
  block: ShallowRef<Problem | null>
  /** Reads the messages anew; a turn that runs is followed, unless it is this one. */
  reload: (chatId: number, exceptTurn?: string | null) => Promise<void>
  touched: (chatId: number, preview: string) => void
  stopTurn: (chatId: number, turnId: string) => Promise<unknown>
  stopFailed: (problem: Problem) => void
}

/** The rows in which a turn is shown before the server has named its messages. */
export interface Rows {
  /** The row of the person's message. */
  user?: string
  /** The row of the reply. */
  reply?: string
  /** The text that the reply begins with. */
  held?: string
}

interface Run {
  controller: AbortController
  chatId: number
  rows: Rows
  turnId: string | null
  /** The server has what this page asked for. */
  onBegun?: () => void
}

/** Runs one turn at a time and writes what it says into the state. Leaving a chat only stops listening: the turn itself goes on. */
export function createTurnRunner(host: TurnHost) {
  const connection = useConnectionStore()
  const quota = useQuotaStore()
  const buffer = createTextBuffer((text) => (host.streamText.value = text))
  let current: Run | null = null

  function replace(match: (message: Message) => boolean, change: (message: Message) => Message): void {
    host.messages.value = host.messages.value.map((message) => (match(message) ? change(message) : message))
  }

  /** The messages before the turn. What follows them now is another branch. */
  function pathBefore(user: MessageView, rows: Rows): readonly Message[] {
    const all = host.messages.value
    if (user.parent_id === null) return []
    const parent = all.findIndex(({ id }) => id === user.parent_id)
    if (parent >= 0) return all.slice(0, parent + 1)
    const own = all.findIndex(({ id, key }) => id === user.id || key === rows.user)
    return own >= 0 ? all.slice(0, own) : all.filter(({ id }) => id !== null)
  }

  /**
   * The turn has begun: what the server stored takes the place of what was shown on trust. It can begin more than once, when the server
   * has lost the end of the text; what is shown stands until the new text arrives.
   */
  function begin({ rows }: Run, user: MessageView, assistant: MessageView): void {
    const known = new Map(host.messages.value.map(({ id, key }) => [id, key]))
    const key = known.get(assistant.id) ?? rows.reply
    const reply = fromView(assistant, key)
    const unsent = host.messages.value.filter((message) => message.id === null && message.status === 'failed')
    host.messages.value = [
      ...pathBefore(user, rows),
      fromView(user, known.get(user.id) ?? rows.user),
      { ...reply, status: 'streaming', content: '' },
      ...unsent.filter((message) => message.key !== rows.user),
    ]
    const shown = host.streamingKey.value === reply.key ? host.streamText.value : ''
    host.streamingId.value = assistant.id
    host.streamingKey.value = reply.key
    host.phase.value = 'waiting'
    buffer.reset(shown)
  }

  function finish(final: MessageView): void {
    replace(
      (message) => message.id === final.id,
      (message) => fromView(final, message.key),
    )
  }

  /** The reply ended badly. What arrived of it stays. */
  function fail(problem: Problem): void {
    const content = buffer.text || host.streamText.value
    const status = problem.code === 'reply_interrupted' ? ('interrupted' as const) : ('failed' as const)
    replace(
      ({ key }) => key === host.streamingKey.value,
      (message) => ({ ...message, status, content, problem }),
    )
  }

  function on(event: TurnEvent, run: Run): void {
    switch (event.type) {
      case 'turn':
        run.turnId = event.turn_id
        run.onBegun?.()
        begin(run, event.user_message, event.assistant_message)
        host.touched(run.chatId, event.user_message.content)
        if (host.stopping.value) void stop()
        break
      case 'delta':
        host.phase.value = 'streaming'
        host.busyUntil.value = null
        buffer.append(event.text)
        break
      case 'busy':
        host.busyUntil.value = Date.now() + event.retry_in_ms
        break
      case 'done':
      case 'stopped':
        finish(event.assistant_message)
        host.touched(run.chatId, event.assistant_message.content)
        break
      case 'error':
        if (event.problem.retryAt !== undefined) host.block.value = event.problem
        fail(event.problem)
        break
      case 'usage':
        break
    }
  }

  function settle(): void {
    current = null
    host.phase.value = 'idle'
    host.busyUntil.value = null
    host.stopping.value = false
    host.streamingId.value = null
    host.streamingKey.value = null
    connection.stream = 'idle'
    buffer.reset()
  }

  /** Listens to the end. Resolves to why the turn did not even begin, if it did not. */
  async function listen(
    run: Run,
    start: (listener: StreamListener, signal: AbortSignal) => Promise<StreamEnd>,
  ): Promise<Problem | null> {
    current?.controller.abort()
    current = run
    const isMine = () => current === run
    connection.stream = 'open'
    const listener: StreamListener = {
      onEvent: (event) => isMine() && on(event, run),
      onConnected: (connected) => isMine() && (connection.stream = connected ? 'open' : 'reconnecting'),
    }
    let end: StreamEnd | ApiError
    try {
      end = await start(listener, run.controller.signal)
    } catch (thrown) {
      end = toApiError(thrown)
    }
    if (!isMine()) return null
    const problem = typeof end === 'string' ? null : end.problem
    if (problem?.retryAt !== undefined) host.block.value = problem
    if (problem && run.turnId !== null) fail(problem)
    settle()
    void quota.refresh()
    // What became of it stands in the messages.
    if (end !== 'ended' && run.turnId !== null) await host.reload(run.chatId, run.turnId)
    return run.turnId === null ? problem : null
  }

  /** Begins a turn. Resolves when it is over, to the reason if it did not even begin. */
  function start(request: TurnRequest, rows: Rows, onBegun: () => void): Promise<Problem | null> {
    const run = { controller: new AbortController(), chatId: request.chatId, rows, turnId: null, onBegun }
    host.phase.value = 'sending'
    host.streamingKey.value = rows.reply ?? null
    buffer.reset(rows.held)
    return listen(run, (listener, signal) => startTurnStream(request, listener, { signal }))
  }

  /** Follows a turn that runs already. `reply` is what was saved of its reply. */
  async function follow(chatId: number, turnId: string, reply: Message | undefined): Promise<void> {
    const run = { controller: new AbortController(), chatId, rows: {}, turnId }
    host.phase.value = 'waiting'
    host.streamingId.value = reply?.id ?? null
    host.streamingKey.value = reply?.key ?? null
    buffer.reset(reply?.content)
    await listen(run, (listener, signal) => followTurnStream(chatId, turnId, listener, { signal }))
  }

  /** Asks the server to end the reply; the stream tells when it did. Before the turn has a name, the wish waits. */
  async function stop(): Promise<void> {
    const run = current
    if (!run) return
    host.stopping.value = true
    if (run.turnId === null) return
    try {
      await host.stopTurn(run.chatId, run.turnId)
    } catch (thrown) {
      if (current !== run) return
      host.stopping.value = false
      host.stopFailed(toApiError(thrown).problem)
    }
  }

  /** Stops listening, because another chat (or none) is shown from now on. */
  function leave(): void {
    current?.controller.abort()
    settle()
  }

  return { start, follow, stop, leave }
}
