import type { ChatView, MessageView } from '@/api/generated/types.gen'
import type { Problem } from '@/api/problem'

export type Chat = ChatView

/**
 * One message as it is shown. `id` is `null` while the server has not confirmed it; `key` never changes, so that its row is not drawn
 * anew when the id arrives, and a message that takes the place of another takes its row.
 */
export interface Message {
  key: string
  id: number | null
  parentId: number | null
  role: 'user' | 'assistant'
  content: string
  status: MessageView['status'] | 'sending'
  model: string | null
  stopReason: string | null
  turnId: string | null
  /** All messages that follow the same one, this one among them, oldest first. */
  siblingIds: readonly number[]
  createdAt: string
  /** Why it failed, if the reason is known. */
  problem: Problem | null
}

/** What the open conversation is doing. */
export type Phase = 'idle' | 'sending' | 'waiting' | 'streaming'

/** A message that was typed and that the server has not confirmed. Sent again, it carries the same key, so it is stored once. */
export interface Unsent {
  content: string
  idempotencyKey: string
  /** The reply that it follows, if that is not the end of the conversation. */
  parentId?: number
  /** When it was sent, as long as no answer has come. */
  sentAt?: number
}

/** Other words for an own message, as far as they are written. */
export interface Edit {
  messageId: number
  text: string
  /** Why they were not taken. */
  problem: Problem | null
  /** What was sent and under which key, if nothing is known of it. */
  tried?: { content: string; idempotencyKey: string }
}

/** Something that was pressed and did not work, and the way to press it again, if that can help. */
export interface Trouble {
  act: 'stop' | 'regenerate' | 'continue' | 'switch'
  problem: Problem
  again: (() => void) | null
}

export function fromView(view: MessageView, key = `m${view.id}`): Message {
  return {
    key,
    id: view.id,
    parentId: view.parent_id,
    role: view.role,
    content: view.content,
    status: view.status,
    model: view.model,
    stopReason: view.stop_reason,
    turnId: view.turn_id,
    siblingIds: view.sibling_ids,
    createdAt: view.created_at,
    problem: null,
  }
}
