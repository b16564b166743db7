import type { Ref, ShallowRef } from 'vue'
import type { MessageView } from '@/api/generated/types.gen'
import { type ApiError, type Problem, toApiError } from '@/api/problem'
import type { StreamEnd, StreamListener, TurnEvent } from '@/api/stream'
import { useConnectionStore } from '@/shell/connection.store'
import { useQuotaStore } from '@/features/usage'
import { fromView, type Message, type Phase } from './chat.types'
import { createTextBuffer } from './textBuffer'

/** The state of the chat store that a turn changes, and what it tells the store. */
export interface TurnHost {
  messages: ShallowRef<readonly Message[]>
  phase: Ref<Phase>
  busy: Ref<boolean>
  streamText: Ref<string>
  streamingId: Ref<number | null>
  block: ShallowRef<Problem | null>
  /** The server has the message. */
  confirmed: (chatId: number) => void
  reload: (chatId: number) => Promise<void>
  touched: (chatId: number, preview: string) => void
}

type Start = (listener: StreamListener, signal: AbortSignal) => Promise<StreamEnd>

/** Runs one turn at a time and writes what it says into the state. Leaving a chat only stops listening: the turn itself goes on. */
export function createTurnRunner(host: TurnHost) {
  const connection = useConnectionStore()
  const quota = useQuotaStore()
  const buffer = createTextBuffer((text) => (host.streamText.value = text))
  let current: AbortController | null = null

  function replace(match: (message: Message) => boolean, change: (message: Message) => Message): void {
    host.messages.value = host.messages.value.map((message) => (match(message) ? change(message) : message))
  }

  /** The turn has begun: what the server stored takes the place of what was shown on trust. */
  function begin(localKey: string | null, user: MessageView, assistant: MessageView): void {
    const isKnown = (message: Message) =>
      message.id === user.id || message.id === assistant.id || message.key === localKey
    const known = new Map(host.messages.value.filter((m) => m.id !== null).map((m) => [m.id, m.key]))
    let path = host.messages.value.filter((message) => !isKnown(message))
    // A sibling of an older message: what followed that one is another branch now.
    const parent = path.findIndex((message) => message.id === user.parent_id)
    if (parent >= 0) path = path.slice(0, parent + 1)
    host.messages.value = [
      ...path,
      fromView(user, localKey ?? known.get(user.id)),
      { ...fromView(assistant, known.get(assistant.id)), status: 'streaming', content: '' },
    ]
    host.streamingId.value = assistant.id
    host.phase.value = 'waiting'
    buffer.reset()
  }

  function finish(final: MessageView): void {
    replace(
      (message) => message.id === final.id,
      (message) => fromView(final, message.key),
    )
  }

  function fail(problem: Problem, localKey: string | null): void {
    if (problem.retryAt !== undefined) host.block.value = problem
    const id = host.streamingId.value
    if (id === null) {
      replace(
        (message) => message.key === localKey,
        (message) => ({ ...message, status: 'failed', problem }),
      )
    } else {
      replace(
        (message) => message.id === id,
        (message) => ({ ...message, status: 'failed', content: buffer.text, problem }),
      )
    }
  }

  function on(event: TurnEvent, chatId: number, localKey: string | null): void {
    switch (event.type) {
      case 'turn':
        host.confirmed(chatId)
        begin(localKey, event.user_message, event.assistant_message)
        host.touched(chatId, event.user_message.content)
        break
      case 'delta':
        host.phase.value = 'streaming'
        host.busy.value = false
        buffer.append(event.text)
        break
      case 'busy':
        host.busy.value = true
        break
      case 'done':
      case 'stopped':
        finish(event.assistant_message)
        host.touched(chatId, event.assistant_message.content)
        break
      case 'error':
        fail(event.problem, localKey)
        break
      case 'usage':
        break
    }
  }

  function settle(): void {
    current = null
    host.phase.value = 'idle'
    host.busy.value = false
    host.streamingId.value = null
    connection.stream = 'idle'
    buffer.reset()
  }

  /** Runs a turn to its end. `localKey`: the row of the message that was just sent, if this is the page that sent it. */
  async function run(chatId: number, localKey: string | null, start: Start): Promise<void> {
    current?.abort()
    const controller = new AbortController()
    current = controller
    const isMine = () => current === controller
    host.phase.value = 'sending'
    connection.stream = 'open'
    const listener: StreamListener = {
      onEvent: (event) => isMine() && on(event, chatId, localKey),
      onConnected: (connected) => isMine() && (connection.stream = connected ? 'open' : 'reconnecting'),
    }
    let end: StreamEnd | ApiError
    try {
      end = await start(listener, controller.signal)
    } catch (thrown) {
      end = toApiError(thrown)
    }
    if (!isMine()) return
    if (typeof end !== 'string') fail(end.problem, localKey)
    settle()
    void quota.refresh()
    if (end === 'gone') await host.reload(chatId)
  }

  /** Stops listening, because another chat (or none) is shown from now on. */
  function leave(): void {
    current?.abort()
    settle()
  }

  return { run, leave }
}
