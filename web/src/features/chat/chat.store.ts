import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import { toApiError, type ApiError, type Problem } from '@/api/problem'
import { followTurnStream, sendMessageStream } from '@/api/stream'
import { normalize } from '@/lib/text/count'
import { type Chat, fromView, type Message, type Phase, type Unsent } from './chat.types'
import { useDraftStore } from './draft.store'
import { createTurnRunner } from './turnRunner'

const PAGE = 50

/** The list of chats, the open conversation, and the one turn that may run in it. */
export const useChatStore = defineStore('chat', () => {
  const drafts = useDraftStore()

  const chats = shallowRef<readonly Chat[]>([])
  const chatsState = ref<'idle' | 'loading' | 'ready' | 'error'>('idle')
  const chatsCursor = ref<string | null>(null)
  const chatsError = shallowRef<ApiError | null>(null)

  const currentChat = shallowRef<Chat | null>(null)
  const messages = shallowRef<readonly Message[]>([])
  const olderCursor = ref<string | null>(null)
  const chatState = ref<'idle' | 'loading' | 'ready' | 'error'>('idle')
  const chatError = shallowRef<ApiError | null>(null)

  /** The chat that was asked for last: an answer about another one comes too late. */
  let openId: number | null = null

  const phase = ref<Phase>('idle')
  const busy = ref(false)
  const streamText = ref('')
  const streamingId = ref<number | null>(null)
  /** Why the server wants no further message, and (`retryAt`) until when. */
  const block = shallowRef<Problem | null>(null)

  const turns = createTurnRunner({
    messages,
    phase,
    busy,
    streamText,
    streamingId,
    block,
    confirmed,
    reload,
    touched,
  })

  // --- the list of chats

  async function loadChats(): Promise<void> {
    chatsState.value = 'loading'
    try {
      const { data } = await api.listChats({ query: { limit: PAGE } })
      chats.value = data.items
      chatsCursor.value = data.next_cursor
      chatsState.value = 'ready'
    } catch (thrown) {
      chatsError.value = toApiError(thrown)
      chatsState.value = 'error'
    }
  }

  async function loadMoreChats(): Promise<void> {
    const cursor = chatsCursor.value
    if (cursor === null) return
    const { data } = await api.listChats({ query: { limit: PAGE, cursor } })
    const known = new Set(chats.value.map((chat) => chat.id))
    chats.value = [...chats.value, ...data.items.filter((chat) => !known.has(chat.id))]
    chatsCursor.value = data.next_cursor
  }

  async function createChat(characterId: number): Promise<Chat> {
    const { data } = await api.createChat({ body: { character_id: characterId } })
    chats.value = [data, ...chats.value]
    return data
  }

  async function deleteChat(id: number): Promise<void> {
    await api.deleteChat({ path: { chat_id: id } })
    chats.value = chats.value.filter((chat) => chat.id !== id)
    void drafts.set(id, '')
    void drafts.setUnsent(id, null)
    if (currentChat.value?.id === id) closeChat()
  }

  /** A chat that something happened in goes to the top, with what was said last. */
  function touched(chatId: number, preview: string): void {
    const chat = chats.value.find((item) => item.id === chatId) ?? currentChat.value
    if (!chat || chat.id !== chatId) return
    const fresh = { ...chat, preview, last_message_at: new Date().toISOString() }
    chats.value = [fresh, ...chats.value.filter((item) => item.id !== chatId)]
  }

  // --- the open conversation

  function closeChat(): void {
    turns.leave()
    openId = null
    currentChat.value = null
    messages.value = []
    olderCursor.value = null
    chatState.value = 'idle'
  }

  /** Opens a chat with its newest messages; a reply that is being written there is followed from its beginning. */
  async function openChat(id: number): Promise<void> {
    closeChat()
    openId = id
    chatState.value = 'loading'
    // What the list knows already is shown at once.
    currentChat.value = chats.value.find((chat) => chat.id === id) ?? null
    await reload(id)
  }

  async function reload(id: number): Promise<void> {
    const isStill = () => openId === id
    try {
      const [chat, page, unsent] = await Promise.all([
        api.getChat({ path: { chat_id: id } }),
        api.listMessages({ path: { chat_id: id }, query: { limit: PAGE } }),
        drafts.unsent(id),
      ])
      if (!isStill()) return
      currentChat.value = chat.data
      const shown = page.data.items.map((view) => fromView(view))
      messages.value = unsent ? [...shown, unsentMessage(unsent)] : shown
      olderCursor.value = page.data.next_cursor
      chatState.value = 'ready'
      const running =
        chat.data.running_turn_id ?? messages.value.findLast((m) => m.status === 'streaming')?.turnId
      if (running) follow(id, running)
    } catch (thrown) {
      if (!isStill()) return
      chatError.value = toApiError(thrown)
      chatState.value = 'error'
    }
  }

  /** Puts the page before the first message in front of it. Resolves to how many there were. */
  async function loadOlder(): Promise<number> {
    const [chat, before] = [currentChat.value, olderCursor.value]
    if (!chat || before === null) return 0
    const { data } = await api.listMessages({ path: { chat_id: chat.id }, query: { before, limit: PAGE } })
    if (currentChat.value?.id !== chat.id || olderCursor.value !== before) return 0
    messages.value = [...data.items.map((view) => fromView(view)), ...messages.value]
    olderCursor.value = data.next_cursor
    return data.items.length
  }

  // --- turns

  function follow(chatId: number, turnId: string): void {
    void turns.run(chatId, null, (listener, signal) => followTurnStream(chatId, turnId, listener, { signal }))
  }

  async function send(message: Unsent): Promise<void> {
    const chat = currentChat.value
    if (!chat || phase.value !== 'idle') return
    const local = { ...unsentMessage(message), status: 'sending' as const }
    messages.value = [...messages.value, local]
    // Kept until the server has said that it has it.
    void drafts.setUnsent(chat.id, message)
    await turns.run(chat.id, local.key, (listener, signal) =>
      sendMessageStream({ chatId: chat.id, ...message }, listener, { signal }),
    )
  }

  function confirmed(chatId: number): void {
    void drafts.setUnsent(chatId, null)
  }

  async function sendMessage(content: string): Promise<void> {
    await send({ content: normalize(content), idempotencyKey: crypto.randomUUID() })
  }

  /** Sends a message again that the server has not confirmed, under its old key. */
  async function resend(key: string): Promise<void> {
    const chat = currentChat.value
    const unsent = chat && (await drafts.unsent(chat.id))
    if (!unsent || phase.value !== 'idle') return
    messages.value = messages.value.filter((message) => message.key !== key)
    await send(unsent)
  }

  /** Takes an unconfirmed message back and gives its text, to be written anew. */
  function discard(key: string): string {
    const message = messages.value.find((item) => item.key === key)
    messages.value = messages.value.filter((item) => item.key !== key)
    if (currentChat.value) void drafts.setUnsent(currentChat.value.id, null)
    return message?.content ?? ''
  }

  /** Asks for another reply where one has failed: the same words again, in the place of the first ones. */
  async function retryReply(key: string): Promise<void> {
    const reply = messages.value.find((message) => message.key === key)
    const asked = messages.value.find((message) => message.id !== null && message.id === reply?.parentId)
    if (!asked || phase.value !== 'idle') return
    await send({
      content: asked.content,
      idempotencyKey: crypto.randomUUID(),
      ...(asked.parentId === null ? {} : { parentId: asked.parentId }),
    })
  }

  return {
    chats,
    chatsState,
    chatsCursor,
    chatsError,
    currentChat,
    messages,
    olderCursor,
    chatState,
    chatError,
    phase,
    busy,
    streamText,
    streamingId,
    block,
    loadChats,
    loadMoreChats,
    createChat,
    deleteChat,
    closeChat,
    openChat,
    loadOlder,
    sendMessage,
    resend,
    discard,
    retryReply,
  }
})

function unsentMessage(unsent: Unsent): Message {
  return {
    key: `local-${unsent.idempotencyKey}`,
    id: null,
    parentId: unsent.parentId ?? null,
    role: 'user',
    content: unsent.content,
    status: 'failed',
    model: null,
    turnId: null,
    createdAt: new Date().toISOString(),
    problem: null,
  }
}
