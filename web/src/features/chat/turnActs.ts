import { ref, type Ref, shallowRef, type ShallowRef } from 'vue'
import { type Problem, toApiError } from '@/api/problem'
import type { TurnAct } from '@/api/stream'
import { normalize } from '@/lib/text/count'
import type { Chat, Edit, Message, Phase, Trouble, Unsent } from './chat.types'
import { useDraftStore } from './draft.store'
import { siblingOf } from './path'
import type { Rows } from './turnRunner'

/** What the acts need of the chat store. */
export interface ActHost {
  currentChat: ShallowRef<Chat | null>
  messages: ShallowRef<readonly Message[]>
  phase: Ref<Phase>
  /** Begins a turn and follows it. Resolves to why it did not begin, if it did not. */
  start: (chatId: number, act: TurnAct, idempotencyKey: string, rows: Rows) => Promise<Problem | null>
  reload: (chatId: number) => Promise<void>
  /** Shows the branch through a message. */
  choose: (chatId: number, messageId: number) => Promise<void>
}

/** After these the conversation is not what this page shows. */
const OUTDATED = new Set([
  'turn_running',
  'chat_changed',
  'cannot_regenerate',
  'cannot_continue',
  'not_found',
])

/** What people do with the messages of the open conversation. One thing at a time: while a turn is under way, the others do nothing. */
export function createTurnActs(host: ActHost) {
  const drafts = useDraftStore()
  const editing = shallowRef<Edit | null>(null)
  const trouble = shallowRef<Trouble | null>(null)
  const switching = ref(false)
  /** The reply that the next message shall follow, in the place of what follows it now. */
  const branchId = ref<number | null>(null)

  const idleChat = () => (host.phase.value === 'idle' && !switching.value ? host.currentChat.value : null)
  const isOpen = (chatId: number) => host.currentChat.value?.id === chatId
  const indexOf = (messageId: number) => host.messages.value.findIndex(({ id }) => id === messageId)

  // --- new words

  async function send(message: Unsent): Promise<void> {
    const chat = idleChat()
    if (!chat) return
    const local = { ...unsentMessage(message), status: 'sending' as const }
    host.messages.value = [...host.messages.value.filter(({ key }) => key !== local.key), local]
    // Kept until the server has said that it has it.
    void drafts.setUnsent(chat.id, { ...message, sentAt: Date.now() })
    const { idempotencyKey, sentAt: _before, ...words } = message
    const act = { type: 'send', ...words } as const
    const problem = await host.start(chat.id, act, idempotencyKey, { user: local.key })
    if (!problem) return
    if (problem.status !== 0) void drafts.setUnsent(chat.id, { ...words, idempotencyKey })
    if (!isOpen(chat.id)) return
    if (OUTDATED.has(problem.code)) await host.reload(chat.id)
    host.messages.value = host.messages.value.map((item) =>
      item.key === local.key ? { ...item, status: 'failed', problem } : item,
    )
  }

  async function sendMessage(content: string): Promise<void> {
    const parent = branchId.value === null ? {} : { parentId: branchId.value }
    await send({ content: normalize(content), idempotencyKey: crypto.randomUUID(), ...parent })
  }

  /** Lets the next message follow this reply. What follows it now is kept as another branch. */
  function branchFrom(messageId: number): void {
    const after = host.messages.value.slice(indexOf(messageId) + 1)
    // A message that was not sent has its place already.
    const isFollowed = after.length > 0 && after.every(({ id }) => id !== null)
    if (idleChat() && indexOf(messageId) >= 0 && isFollowed) branchId.value = messageId
  }

  /** Sends a message again that the server has not confirmed, under its old key. */
  async function resend(): Promise<void> {
    const chat = idleChat()
    const unsent = chat && (await drafts.unsent(chat.id))
    if (unsent) await send(unsent)
  }

  /** Takes an unconfirmed message back and gives its text, to be written anew. */
  function discard(key: string): string {
    const message = host.messages.value.find((item) => item.key === key)
    host.messages.value = host.messages.value.filter((item) => item.key !== key)
    if (host.currentChat.value) void drafts.setUnsent(host.currentChat.value.id, null)
    return message?.content ?? ''
  }

  // --- other replies

  /** Asks for another reply in the place of this one, or for the rest of it. Nothing changes when the server does not want to. */
  async function replyAgain(
    type: 'regenerate' | 'continue',
    messageId: number,
    idempotencyKey: string = crypto.randomUUID(),
  ): Promise<void> {
    const chat = idleChat()
    const before = host.messages.value
    const at = indexOf(messageId)
    const reply = before[at]
    if (!chat || !reply) return
    host.messages.value = [
      ...before.slice(0, at),
      { ...reply, id: null, status: 'streaming', content: '', problem: null },
      ...before.filter(({ id }) => id === null),
    ]
    const held = type === 'continue' ? reply.content : ''
    const rows = { reply: reply.key, held }
    const problem = await host.start(chat.id, { type, messageId }, idempotencyKey, rows)
    if (!problem || !isOpen(chat.id)) return
    host.messages.value = before
    const isOutdated = OUTDATED.has(problem.code)
    const again = () => void replyAgain(type, messageId, idempotencyKey)
    trouble.value = { act: type, problem, again: isOutdated ? null : again }
    if (isOutdated) await host.reload(chat.id)
  }

  // --- other words

  function setEditing(edit: Edit | null): void {
    editing.value = edit
    if (host.currentChat.value) void drafts.setEdit(host.currentChat.value.id, edit)
  }

  /** Opens an own message for other words. What was being written in the place of another one goes. */
  function startEdit(messageId: number): void {
    const message = host.messages.value[indexOf(messageId)]
    if (message?.role !== 'user' || editing.value?.messageId === messageId) return
    setEditing({ messageId, text: message.content, problem: null })
  }

  function writeEdit(text: string): void {
    if (editing.value) setEditing({ ...editing.value, text })
  }

  /** Puts the words of the edit in the place of the old ones, as a branch of their own. When that fails, the edit is open as before. */
  async function submitEdit(): Promise<void> {
    const chat = idleChat()
    const edit = editing.value
    const before = host.messages.value
    const at = edit ? indexOf(edit.messageId) : -1
    const original = before[at]
    if (!chat || !edit || !original) return
    const content = normalize(edit.text)
    // The same words again are the same wish: the answer to the first try may only have been lost.
    const idempotencyKey = edit.tried?.content === content ? edit.tried.idempotencyKey : crypto.randomUUID()
    const kept = { ...edit, problem: null, tried: { content, idempotencyKey } }
    void drafts.setEdit(chat.id, kept)
    editing.value = null
    host.messages.value = [...before.slice(0, at), { ...original, id: null, content, status: 'sending' }]
    const act = { type: 'edit', messageId: edit.messageId, content } as const
    const problem = await host.start(chat.id, act, idempotencyKey, { user: original.key })
    if (!problem) return
    if (!isOpen(chat.id)) return
    host.messages.value = before
    setEditing({ ...kept, problem })
    if (OUTDATED.has(problem.code)) await host.reload(chat.id)
  }

  // --- other branches

  /** Shows the sibling before or after a message, with what followed it. */
  async function switchVariant(key: string, step: -1 | 1): Promise<void> {
    const chat = idleChat()
    const message = host.messages.value.find((item) => item.key === key)
    const to = message ? siblingOf(message, step) : null
    if (!chat || to === null) return
    switching.value = true
    try {
      await host.choose(chat.id, to)
      branchId.value = null
    } catch (thrown) {
      const again = () => void switchVariant(key, step)
      if (isOpen(chat.id)) trouble.value = { act: 'switch', problem: toApiError(thrown).problem, again }
    } finally {
      switching.value = false
    }
  }

  /** What this browser kept of the chat: a message that was not confirmed, and an edit that was not sent. */
  async function restore(chatId: number): Promise<{ unsent: Unsent | null; edit: Edit | null }> {
    const [unsent, edit] = await Promise.all([drafts.unsent(chatId), drafts.edit(chatId)])
    return { unsent, edit }
  }

  return {
    editing,
    trouble,
    switching,
    branchId,
    send,
    sendMessage,
    resend,
    discard,
    branchFrom,
    replyAgain,
    setEditing,
    startEdit,
    writeEdit,
    submitEdit,
    switchVariant,
    restore,
  }
}

export function unsentMessage(unsent: Unsent): Message {
  return {
    key: `local-${unsent.idempotencyKey}`,
    id: null,
    parentId: null,
    role: 'user',
    content: unsent.content,
    status: 'failed',
    model: null,
    stopReason: null,
    turnId: null,
    siblingIds: [],
    createdAt: new Date().toISOString(),
    problem: null,
  }
}
