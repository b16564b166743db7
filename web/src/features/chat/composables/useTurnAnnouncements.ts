import { useIntervalFn } from '@vueuse/core'
import { watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { plainText } from '@/lib/markdown/plain'
import { useAnnouncer } from '@/shell/announcer'
import { useChatStore } from '../chat.store'

const AGAIN_MS = 10_000

/** Tells people who listen that a reply is being written, and reads it out once it is whole. */
export function useTurnAnnouncements(): void {
  const { t } = useI18n()
  const chat = useChatStore()
  const { announceStatus, announceReply } = useAnnouncer()

  const writing = () =>
    announceStatus(t('chat.announce_writing', { name: chat.currentChat?.character.name ?? '' }))
  const repeat = useIntervalFn(writing, AGAIN_MS, { immediate: false })

  watch(
    () => [chat.streamingId, chat.currentChat?.id] as const,
    ([id, chatId], [before, chatBefore]) => {
      if (id !== null && before === null) {
        writing()
        repeat.resume()
      }
      if (id !== null || before === null) return
      repeat.pause()
      const reply = chat.messages.find((message) => message.id === before)
      if (chatId !== chatBefore || !reply) return announceStatus('')
      const isBroken = reply.status === 'failed' || reply.status === 'interrupted'
      if (isBroken) return announceStatus(t('chat.announce_failed'))
      announceStatus(reply.status === 'stopped' ? t('chat.announce_stopped') : '')
      announceReply(plainText(reply.content))
    },
  )
}
