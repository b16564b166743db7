import { ref } from 'vue'

const status = ref('')
const reply = ref('')

const REPLY_MAX = 500

/** What the two hidden live regions say. A text that is said twice in a row is changed invisibly, so that it is heard twice. */
export function useAnnouncer() {
  const again = (text: string, before: string) => (text !== '' && text === before ? `${text}\u00a0` : text)
  return {
    status,
    reply,
    announceStatus: (text: string) => (status.value = again(text, status.value)),
    /** Reads out a finished reply: its plain text, at most 500 characters. */
    announceReply: (text: string) => (reply.value = again(text.slice(0, REPLY_MAX), reply.value)),
  }
}
