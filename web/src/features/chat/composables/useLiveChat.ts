import { useEventListener } from '@vueuse/core'
import { watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { nudgeStreams } from '@/api/stream'
import { toastError } from '@/shell/toasts'
import { useProblemText } from '@/shell/useProblemText'
import { useChatStore } from '../chat.store'
import { isComposing } from './useMessageField'

/** Keeps the open conversation alive while its page sleeps and wakes, stops replies and leaves branches by key, and says what did not work. */
export function useLiveChat(): void {
  const { t } = useI18n()
  const store = useChatStore()
  const { problemText } = useProblemText()

  function wake(): void {
    if (document.hidden) return
    nudgeStreams()
    void store.refresh()
  }
  useEventListener(document, 'visibilitychange', wake)
  useEventListener(window, ['online', 'pageshow', 'focus'], wake)

  useEventListener(document, 'keydown', (event) => {
    if (event.key !== 'Escape' || event.defaultPrevented || isComposing(event)) return
    // What lies above the conversation is closed first.
    if (document.querySelector('[role="dialog"], [role="menu"]')) return
    if (store.phase === 'idle' && store.branchId === null) return
    event.preventDefault()
    if (store.phase === 'idle') store.leaveBranch()
    else void store.stop()
  })

  const words = {
    stop: (reason: string) => t('chat.stop_failed', { reason }),
    regenerate: (reason: string) => t('chat.regenerate_failed', { reason }),
    continue: (reason: string) => t('chat.continue_failed', { reason }),
    switch: (reason: string) => t('chat.switch_failed', { reason }),
  }
  watch(
    () => store.trouble,
    (trouble) => {
      // A time that has to pass is shown, and counted down, above the field.
      if (!trouble || trouble.problem.retryAt !== undefined) return
      const { act, again, problem } = trouble
      const action = again ? { action: { label: t('app.retry'), run: again } } : {}
      void toastError({ text: words[act](problemText(problem)), ...action })
    },
  )
}
