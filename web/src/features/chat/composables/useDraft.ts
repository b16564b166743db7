import { type Ref, ref, watch } from 'vue'
import { useDraftStore } from '../draft.store'

/** The text in the composer of the chat `chatId`, kept across reloads. */
export function useDraft(chatId: Readonly<Ref<number | null>>): Ref<string> {
  const drafts = useDraftStore()
  const text = ref('')
  let owner: number | null = null

  watch(
    chatId,
    async (id) => {
      owner = null
      text.value = ''
      if (id === null) return
      const kept = await drafts.take(id)
      if (chatId.value !== id) return
      // What was typed before the draft arrived is not thrown away.
      text.value = text.value || kept
      owner = id
      if (text.value !== kept) void drafts.set(id, text.value)
    },
    { immediate: true },
  )
  watch(text, (value) => {
    if (owner !== null) void drafts.set(owner, value)
  })
  return text
}
