import { Copy, PencilLine, Play, RefreshCw, Split } from '@lucide/vue'
import { type Component, computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { toastDone, toastError } from '@/shell/toasts'
import type { Message } from '../chat.types'
import { useChatStore } from '../chat.store'
import { isCut } from '../path'

/** Something that can be done with a message. */
export interface MessageAct {
  id: 'continue' | 'regenerate' | 'edit' | 'branch' | 'copy'
  label: string
  icon: Component
  /** The key that does it while the message has the focus. */
  letter?: string
  run: () => void
}

/** Tells what can be done with a message, the likeliest first. */
export function useMessageActsOf() {
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

  return function actsOf(message: Message): MessageAct[] {
    const { content, id, role, turnId } = message
    const isOpen = store.currentChat?.is_read_only === false
    const acts: MessageAct[] = []
    if (id !== null && isOpen && isCut(message)) {
      const run = () => void store.continueReply(id)
      acts.push({ id: 'continue', label: t('chat.continue'), icon: Play, run })
    }
    // A greeting was never asked for.
    if (id !== null && isOpen && role === 'assistant' && turnId !== null) {
      const run = () => void store.regenerate(id)
      acts.push({ id: 'regenerate', label: t('chat.regenerate'), icon: RefreshCw, letter: 'r', run })
    }
    if (id !== null && isOpen && role === 'user') {
      const run = () => store.startEdit(id)
      acts.push({ id: 'edit', label: t('chat.edit'), icon: PencilLine, letter: 'e', run })
    }
    // After the last reply the conversation goes on anyway.
    if (id !== null && isOpen && role === 'assistant' && content && store.shown.at(-1)?.id !== id) {
      const run = () => store.branchFrom(id)
      acts.push({ id: 'branch', label: t('chat.branch'), icon: Split, letter: 'b', run })
    }
    if (content) {
      const run = () => void copy(content)
      acts.push({ id: 'copy', label: t('chat.copy'), icon: Copy, letter: 'c', run })
    }
    return acts
  }
}

/** What can be done with a message, the likeliest first. */
export function useMessageActs(message: () => Message) {
  const actsOf = useMessageActsOf()
  return computed(() => actsOf(message()))
}
