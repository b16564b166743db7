import { useIntervalFn } from '@vueuse/core'
import { computed, ref, type MaybeRefOrGetter, toValue, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { type Wait, waitOf } from '@/lib/format/wait'

const TICK_MS = 1_000

/**
 * Waits until a time (milliseconds since 1970; nothing means that there is nothing to wait for). `when` says in words when it is over
 * ("in 12 seconds", "tomorrow at midnight") and counts down.
 */
export function useWait(until: MaybeRefOrGetter<number | null | undefined>) {
  const { t, n, d } = useI18n()
  const now = ref(Date.now())
  const wait = computed(() => waitOf(toValue(until) ?? 0, now.value))
  const isWaiting = computed(() => wait.value.kind !== 'over')

  const when = computed(() => inWords(wait.value))

  function inWords(found: Wait): string {
    switch (found.kind) {
      case 'over':
        return ''
      case 'seconds':
        return t('wait.seconds', { count: n(found.count) })
      case 'minutes':
        return t('wait.minutes', { count: n(found.count) })
      case 'today':
        return t('wait.today', { time: d(found.at, 'time') })
      case 'tomorrow':
        return found.midnight
          ? t('wait.tomorrow_midnight')
          : t('wait.tomorrow', { time: d(found.at, 'time') })
      case 'day':
        return t('wait.day', { day: d(found.at, 'day'), time: d(found.at, 'time') })
    }
  }

  // The clock runs only while there is something to count.
  const clock = useIntervalFn(() => (now.value = Date.now()), TICK_MS, { immediate: false })
  watch(
    () => toValue(until),
    () => (now.value = Date.now()),
  )
  watch(isWaiting, (waiting) => (waiting ? clock.resume() : clock.pause()), { immediate: true })

  return { isWaiting, when }
}
