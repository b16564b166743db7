import { useOnline, useTimeoutFn, useTimeoutPoll } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { livez } from '@/api/generated/sdk.gen'

const PROBE_MS = 4_000
const BACK_MS = 2_000

/** Whether the server can be reached, and how the stream of the open conversation does. */
export const useConnectionStore = defineStore('connection', () => {
  const deviceOnline = useOnline()
  const reachable = ref(true)
  const stream = ref<'idle' | 'open' | 'reconnecting'>('idle')
  const isBack = ref(false)
  const online = computed(() => deviceOnline.value && reachable.value)

  function setReachable(value: boolean): void {
    reachable.value = value
  }

  async function ask(): Promise<void> {
    await livez().catch(() => undefined)
  }

  // While nothing answers, a small question is repeated; the interceptor that sees the answer calls setReachable.
  const probe = useTimeoutPoll(ask, PROBE_MS, { immediate: false })
  const hideBack = useTimeoutFn(() => (isBack.value = false), BACK_MS, { immediate: false })
  watch(reachable, (value) => (value ? probe.pause() : probe.resume()))
  watch(online, (value) => {
    isBack.value = value
    if (value) hideBack.start()
    else hideBack.stop()
  })

  return { online, stream, isBack, setReachable }
})
