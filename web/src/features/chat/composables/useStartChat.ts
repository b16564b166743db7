import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { toApiError } from '@/api/problem'
import { toastError } from '@/shell/toasts'
import { useProblemText } from '@/shell/useProblemText'
import { useChatStore } from '../chat.store'

/** Makes a chat with a character and opens it; `busyId` is the character for which that is under way. */
export function useStartChat() {
  const { t } = useI18n()
  const store = useChatStore()
  const router = useRouter()
  const { problemText } = useProblemText()
  const busyId = ref<number | null>(null)

  async function start(characterId: number): Promise<void> {
    if (busyId.value !== null) return
    busyId.value = characterId
    try {
      const chat = await store.createChat(characterId)
      await router.push({ name: 'chat', params: { id: chat.id } })
    } catch (thrown) {
      void toastError({
        text: t('chat.create_failed', { reason: problemText(toApiError(thrown).problem) }),
        action: { label: t('app.retry'), run: () => void start(characterId) },
      })
    } finally {
      busyId.value = null
    }
  }

  return { start, busyId }
}
