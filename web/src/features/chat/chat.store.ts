import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import type { MessageList, MessageView } from '@/api/generated/types.gen'
import { toApiError, type ApiError, type Problem } from '@/api/problem'
import type { TurnAct } from '@/api/stream'
import { type Chat, fromView, type Message, type Phase } from './chat.types'
import { useDraftStore } from './draft.store'
import { pathTo, withNewest } from './path'
import { openChatTabs } from './tabs'
import { createTurnActs, unsentMessage } from './turnActs'
import { createTurnRunner, type Rows } from './turnRunner'

const PAGE = 50
/** How long after it was sent a message without an answer is sent again by itself. */
const SURE_MS = 120_000

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
  const busyUntil = ref<number | null>(null)
  const stopping = ref(false)
  const streamText = ref('')
  const streamingId = ref<number | null>(null)
  const streamingKey = ref<string | null>(null)
  /** Why the server wants no further message, and (`retryAt`) until when. */
  const block = shallowRef<Problem | null>(null)

  const turns = createTurnRunner({
    messages,
    phase,
    busyUntil,
    stopping,
    streamText,
    streamingId,
    streamingKey,
    block,
    reload,
    touched,
    stopTurn: (chatId, turnId) => api.stopTurn({ path: { chat_id: chatId, turn_id: turnId } }),
    stopFailed: (problem) => {
      acts.trouble.value = { act: 'stop', problem, again: () => void turns.stop() }
    },
  })
  const acts = createTurnActs({ currentChat, messages, phase, start, reload, choose })
  /** The messages that are in sight: while a branch begins, not those that it leaves. */
  const shown = computed(() => pathTo(messages.value, acts.branchId.value))

  const tabs = openChatTabs()
  tabs?.addEventListener('message', ({ data }: MessageEvent<unknown>) => data === openId && void refresh())

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
    void drafts.setEdit(id, null)
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
    acts.editing.value = null
    acts.branchId.value = null
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

  /** Reads the open chat and its newest messages anew, and follows a turn that runs there, unless it is `exceptTurn`. */
  async function reload(id: number, exceptTurn: string | null = null): Promise<void> {
    const isStill = () => openId === id
    try {
      const [chat, page, kept] = await Promise.all([
        api.getChat({ path: { chat_id: id } }),
        pageOf(id, null),
        acts.restore(id),
      ])
      // What somebody does here meanwhile is newer than this.
      if (!isStill() || phase.value !== 'idle') return
      const isFirst = chatState.value !== 'ready'
      currentChat.value = chat.data
      showNewest(page.items, page.next_cursor)
      if (messages.value.every((message) => message.id !== acts.branchId.value)) acts.branchId.value = null
      if (kept.unsent) {
        messages.value = [...messages.value, unsentMessage(kept.unsent)]
        acts.branchId.value = kept.unsent.parentId ?? null
      }
      const isThere = messages.value.some((message) => message.id === kept.edit?.messageId)
      if (isFirst && isThere) acts.editing.value = kept.edit
      chatState.value = 'ready'
      const reply = messages.value.findLast(({ status }) => status === 'streaming')
      const running = chat.data.running_turn_id ?? reply?.turnId
      // Nobody knows yet what became of a message: its key sees to it that it is stored once.
      const isOpenEnded = Date.now() - (kept.unsent?.sentAt ?? 0) < SURE_MS
      if (kept.unsent && isOpenEnded) void acts.send(kept.unsent)
      else if (running && running !== exceptTurn) void turns.follow(id, running, reply)
    } catch (thrown) {
      // What is shown already stays.
      if (!isStill() || chatState.value === 'ready') return
      chatError.value = toApiError(thrown)
      chatState.value = 'error'
    }
  }

  function showNewest(page: readonly MessageView[], cursor: string | null): void {
    const path = withNewest({ messages: messages.value, cursor: olderCursor.value }, page, cursor)
    messages.value = path.messages
    olderCursor.value = path.cursor
  }

  /** Looks whether something happened in the open chat that this page has not seen: in another tab, on another device, while it slept. */
  async function refresh(): Promise<void> {
    const id = openId
    const isQuiet = () => id === openId && phase.value === 'idle' && chatState.value === 'ready'
    if (id === null || !isQuiet()) return
    const chat = await api.getChat({ path: { chat_id: id } }).catch(() => null)
    if (!chat || !isQuiet()) return
    const last = messages.value.findLast((message) => message.id !== null)
    const isCurrent = chat.data.head_message_id === (last?.id ?? null) && last?.status !== 'streaming'
    if (chat.data.running_turn_id !== null || !isCurrent) await reload(id)
  }

  /** Shows the branch through a message: what is before the place where it parts stays. */
  async function choose(id: number, messageId: number): Promise<void> {
    const chat = await api.chooseBranch({ path: { chat_id: id }, body: { message_id: messageId } })
    let items: MessageView[] = []
    let cursor: string | null = null
    do {
      const page = await pageOf(id, cursor)
      items = [...page.items, ...items]
      cursor = page.next_cursor
    } while (cursor !== null && !items.some((item) => item.id === messageId))
    if (openId !== id) return
    currentChat.value = chat.data
    chats.value = chats.value.map((item) => (item.id === id ? chat.data : item))
    showNewest(items, cursor)
    tabs?.postMessage(id)
  }

  async function pageOf(id: number, before: string | null): Promise<MessageList> {
    const query = before === null ? { limit: PAGE } : { before, limit: PAGE }
    return (await api.listMessages({ path: { chat_id: id }, query })).data
  }

  /** Puts the page before the first message in front of it. Resolves to how many there were. */
  async function loadOlder(): Promise<number> {
    const [chat, before] = [currentChat.value, olderCursor.value]
    if (!chat || before === null) return 0
    const data = await pageOf(chat.id, before)
    if (currentChat.value?.id !== chat.id || olderCursor.value !== before) return 0
    messages.value = [...data.items.map((view) => fromView(view)), ...messages.value]
    olderCursor.value = data.next_cursor
    return data.items.length
  }

  // --- turns

  function start(chatId: number, act: TurnAct, idempotencyKey: string, rows: Rows): Promise<Problem | null> {
    return turns.start({ chatId, act, idempotencyKey }, rows, () => {
      acts.branchId.value = null
      if (act.type === 'send') void drafts.setUnsent(chatId, null)
      if (act.type === 'edit') void drafts.setEdit(chatId, null)
      tabs?.postMessage(chatId)
    })
  }

  return {
    chats,
    chatsState,
    chatsCursor,
    chatsError,
    currentChat,
    messages,
    shown,
    olderCursor,
    chatState,
    chatError,
    phase,
    busyUntil,
    stopping,
    streamText,
    streamingId,
    streamingKey,
    block,
    editing: acts.editing,
    trouble: acts.trouble,
    switching: acts.switching,
    branchId: acts.branchId,
    loadChats,
    loadMoreChats,
    createChat,
    deleteChat,
    closeChat,
    openChat,
    refresh,
    loadOlder,
    sendMessage: acts.sendMessage,
    resend: acts.resend,
    discard: acts.discard,
    stop: turns.stop,
    regenerate: (messageId: number) => acts.replyAgain('regenerate', messageId),
    continueReply: (messageId: number) => acts.replyAgain('continue', messageId),
    branchFrom: acts.branchFrom,
    leaveBranch: () => void (acts.branchId.value = null),
    startEdit: acts.startEdit,
    writeEdit: acts.writeEdit,
    cancelEdit: () => acts.setEditing(null),
    editMessage: acts.submitEdit,
    switchVariant: acts.switchVariant,
  }
})
