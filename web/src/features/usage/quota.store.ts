import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import type { UsageDayView } from '@/api/generated/types.gen'
import { toApiError, type ApiError } from '@/api/problem'

/** What was used today, by the server's calendar. */
export const useQuotaStore = defineStore('quota', () => {
  const day = shallowRef<UsageDayView | null>(null)
  const loaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  const used = computed(() => day.value?.total_tokens ?? 0)
  const cost = computed(() => day.value?.cost_micro_usd ?? 0)

  /** Reads today's row again. "Today" is asked for as well: the page may have been open since yesterday. */
  async function refresh(): Promise<void> {
    try {
      const { today } = (await api.getConfig()).data
      const { items } = (await api.getMyUsage({ query: { from: today, to: today } })).data
      day.value = items.find((item) => item.usage_date === today) ?? null
      error.value = null
      loaded.value = true
    } catch (thrown) {
      error.value = toApiError(thrown)
    }
  }

  return { day, loaded, error, used, cost, refresh }
})
