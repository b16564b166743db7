import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import type { OwnBudgetView, UsageDayView } from '@/api/generated/types.gen'
import { toApiError, type ApiError } from '@/api/problem'

/** What was used today, by the server's calendar, and how much may be. */
export const useQuotaStore = defineStore('quota', () => {
  const day = shallowRef<UsageDayView | null>(null)
  const budget = shallowRef<OwnBudgetView | null>(null)
  const loaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  const used = computed(() => day.value?.total_tokens ?? 0)
  const cost = computed(() => day.value?.cost_micro_usd ?? 0)

  /** Reads today's row again. "Today" is asked for as well: the page may have been open since yesterday. */
  async function refresh(): Promise<void> {
    try {
      const { today } = (await api.getConfig()).data
      const { data } = await api.getMyUsage({ query: { from: today, to: today } })
      day.value = data.items.find((item) => item.usage_date === today) ?? null
      budget.value = data.budget
      error.value = null
      loaded.value = true
    } catch (thrown) {
      error.value = toApiError(thrown)
    }
  }

  return { day, budget, loaded, error, used, cost, refresh }
})
