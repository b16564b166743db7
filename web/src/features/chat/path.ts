import type { MessageView } from '@/api/generated/types.gen'
import { fromView, type Message } from './chat.types'

/** The messages that are shown, and where older ones go on (`null`: there are none). */
export interface Path {
  messages: readonly Message[]
  cursor: string | null
}

/**
 * The path after its newest part was read again. What was read before that part stays when the two join; rows keep their keys, and a
 * message that stands where one of its siblings stood takes over the row of that one.
 */
export function withNewest(shown: Path, page: readonly MessageView[], cursor: string | null): Path {
  const before = shown.messages.filter(({ id }) => id !== null)
  const start = page[0]
  if (!start) return { messages: [], cursor: null }
  const parent = before.findIndex(({ id }) => id === start.parent_id)
  const same = before.findIndex(({ id }) => id === start.id)
  const kept = before.slice(0, parent >= 0 ? parent + 1 : Math.max(same, 0))
  const keys = keysOf(before, page)
  return {
    messages: [...kept, ...page.map((view) => fromView(view, keys.get(view.id)))],
    cursor: kept.length > 0 ? shown.cursor : cursor,
  }
}

/** The row of each message of `page`: its own, or that of the sibling in whose place it stands. */
function keysOf(before: readonly Message[], page: readonly MessageView[]): Map<number, string> {
  const keys = new Map<number, string>()
  for (const { id, key } of before) if (id !== null) keys.set(id, key)
  const free = new Map(before.map((message) => [message.parentId, message.key]))
  for (const { id } of page) {
    const key = keys.get(id)
    for (const [parentId, taken] of free) if (taken === key) free.delete(parentId)
  }
  for (const view of page) {
    const key = free.get(view.parent_id)
    if (!keys.has(view.id) && key !== undefined) keys.set(view.id, key)
  }
  return keys
}

/** The sibling before or after a message; `null` when there is none. */
export function siblingOf({ id, siblingIds }: Message, step: -1 | 1): number | null {
  if (id === null) return null
  const at = siblingIds.indexOf(id)
  return at < 0 ? null : (siblingIds[at + step] ?? null)
}

/** The messages up to the one that is to be followed by something else, and what was not sent. `null`: everything. */
export function pathTo(messages: readonly Message[], branchId: number | null): readonly Message[] {
  const at = branchId === null ? -1 : messages.findIndex(({ id }) => id === branchId)
  return at < 0 ? messages : messages.filter(({ id }, index) => index <= at || id === null)
}

/** Whether a reply was cut before its end, so that it can go on. Nothing goes on from nothing, or from a refusal. */
export function isCut({ role, content, status, stopReason }: Message): boolean {
  if (role !== 'assistant' || content === '' || stopReason === 'refusal') return false
  if (status === 'complete') return isTooLong(stopReason)
  return status === 'stopped' || status === 'failed' || status === 'interrupted'
}

/** Whether a reply ended because there was no room for more. */
export function isTooLong(stopReason: string | null): boolean {
  return stopReason === 'max_tokens' || stopReason === 'model_context_window_exceeded'
}
