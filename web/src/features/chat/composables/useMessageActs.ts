import { Copy, PencilLine, Play, RefreshCw } from '@lucide/vue'
import { type Component, computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { toastDone, toastError } from '@/shell/toasts'
import type { Message } from '../chat.types'
import { useChatStore } from '../chat.store'
import { isCut } from '../path'

/** Something that can be done with a message. */
export interface MessageAct {
  id: 'continue' | 'regenerate' | 'edit' | 'copy'
  label: string
  icon: Component
  run: () => void
}

/** What can be done with a message, the likeliest first. */
export function useMessageActs(message: () => Message) {
  const { t } = useI18n()
  const store = useChatStore()

  async function copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text)
      void toastDone({ text: t('chat.copied') })
    } catch {
      void toastError({ text: t('chat.copy_failed') })
    }
  }

  return computed<MessageAct[]>(() => {
    const shown = message()
    const { content, id, role, turnId } = shown
    const isOpen = store.currentChat?.is_read_only === false
    const acts: MessageAct[] = []
    if (id !== null && isOpen && isCut(shown)) {
      const run = () => void store.continueReply(id)
      acts.push({ id: 'continue', label: t('chat.continue'), icon: Play, run })
    }
    // A greeting was never asked for.
    if (id !== null && isOpen && role === 'assistant' && turnId !== null) {
      const run = () => void store.regenerate(id)
      acts.push({ id: 'regenerate', label: t('chat.regenerate'), icon: RefreshCw, run })
    }
    if (id !== null && isOpen && role === 'user') {
      acts.push({ id: 'edit', label: t('chat.edit'), icon: PencilLine, run: () => store.startEdit(id) })
    }
    if (content) acts.push({ id: 'copy', label: t('chat.copy'), icon: Copy, run: () => void copy(content) })
    return acts
  })
}
