import { onBeforeUnmount } from 'vue'

const kept = new Map<string, Record<string, string>>()

/**
 * Keeps what stands in a form when its page is left because of `wanted` (the session has ended, say) and puts it back the next time the
 * page `key` is opened. It lives in memory, as long as the application does. Returns whether something was put back.
 */
export function useKeptForm(key: string, values: Record<string, string>, wanted: () => boolean): boolean {
  const before = kept.get(key)
  kept.delete(key)
  if (before) Object.assign(values, before)
  onBeforeUnmount(() => wanted() && kept.set(key, { ...values }))
  return before !== undefined
}
