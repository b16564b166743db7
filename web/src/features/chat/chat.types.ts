import type { ChatView, MessageView } from '@/api/generated/types.gen'
import type { Problem } from '@/api/problem'

export type Chat = ChatView

/**
 * One message as it is shown. `id` is `null` while the server has not confirmed it; `key` never changes, so that its row is not drawn
 * anew when the id arrives.
 */
export interface Message {
  key: string
  id: number | null
  parentId: number | null
  role: 'user' | 'assistant'
  content: string
  status: MessageView['status'] | 'sending'
  model: string | null
  turnId: string | null
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
  parentId?: number
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
    turnId: view.turn_id,
    createdAt: view.created_at,
    problem: null,
  }
}
