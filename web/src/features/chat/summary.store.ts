import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowRef } from 'vue'
import { type ApiError, toApiError } from '@/api/problem'
import { type ChatSummaryView, getSummary, updateSummary } from '@/api/generated'
import { normalize } from '@/lib/text/count'

/** The longest summary, in code points. The server judges by the same number. */
export const SUMMARY_MAX = 4_000

/** Other words for a summary, as far as they are written. */
interface SummaryDraft {
  text: string
  /** What it said when the writer began. */
  base: string
}

/** What the character of the open chat is told of its beginning. What is being written lasts as long as the page, whatever is opened meanwhile. */
export const useSummaryStore = defineStore('summary', () => {
  const chatId = ref<number | null>(null)
  const summary = shallowRef<ChatSummaryView | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const drafts = reactive(new Map<number, SummaryDraft>())
  let tag: string | null = null

  const draft = computed(() => (chatId.value === null ? undefined : drafts.get(chatId.value)))
  /** What it says by now, if that is not what the writer began with. */
  const newer = computed(() => {
    const text = summary.value?.text ?? ''
    return draft.value && text !== '' && text !== draft.value.base ? text : null
  })

  async function open(id: number): Promise<void> {
    if (chatId.value !== id) {
      chatId.value = id
      summary.value = null
      error.value = null
    }
    await refresh()
  }

  /** Reads it again. What is shown already stays when that fails. */
  async function refresh(): Promise<void> {
    const id = chatId.value
    if (id === null) return
    try {
      const answer = await getSummary({ path: { chat_id: id } })
      if (chatId.value === id) take(answer)
    } catch (thrown) {
      if (chatId.value === id) error.value = toApiError(thrown)
    }
  }

  function take({ data, headers }: Awaited<ReturnType<typeof getSummary<true>>>): void {
    summary.value = data
    error.value = null
    tag = typeof headers['etag'] === 'string' ? headers['etag'] : null
  }

  /** Switches it on or off, for which one does not have to know what it says. It shows at once, and falls back when that fails. */
  async function setEnabled(isEnabled: boolean): Promise<void> {
    const [id, before] = [chatId.value, summary.value]
    if (id === null || before === null) return
    const isStill = () => chatId.value === id
    summary.value = { ...before, is_enabled: isEnabled }
    try {
      const answer = await updateSummary({ path: { chat_id: id }, body: { is_enabled: isEnabled } })
      if (isStill()) take(answer)
    } catch (thrown) {
      if (isStill() && summary.value) summary.value = { ...summary.value, is_enabled: before.is_enabled }
      throw thrown
    }
  }

  function edit(): void {
    const text = summary.value?.text ?? ''
    if (chatId.value !== null) drafts.set(chatId.value, { text, base: text })
  }

  function write(text: string): void {
    if (draft.value) draft.value.text = text
  }

  function cancel(): void {
    if (chatId.value !== null) drafts.delete(chatId.value)
  }

  /** Goes on from what it says by now, instead of from the own words. */
  function takeNewer(): void {
    const text = newer.value
    if (draft.value && text !== null) Object.assign(draft.value, { text, base: text })
  }

  /** Puts the written words in the place of what was there. `false`: it says something else by now, which the writer has to see first. */
  async function save(): Promise<boolean> {
    const [id, own] = [chatId.value, draft.value]
    if (id === null || !own) return false
    const text = normalize(own.text)
    for (;;) {
      const before = tag
      try {
        const headers = before === null ? {} : { 'If-Match': before }
        const answer = await updateSummary({ path: { chat_id: id }, body: { text }, headers })
        drafts.delete(id)
        if (chatId.value === id) take(answer)
        return true
      } catch (thrown) {
        if (toApiError(thrown).problem.code !== 'precondition_failed') throw thrown
        await refresh()
        if (chatId.value !== id) return false
        // The first try was stored, and its answer was lost.
        if (summary.value?.text === text) return drafts.delete(id)
        if (newer.value !== null) return false
        // Nothing new was read, or only something else was changed, such as the switch.
        if (tag === before) throw thrown
      }
    }
  }

  return { summary, error, draft, newer, open, refresh, setEnabled, edit, write, cancel, takeNewer, save }
})
