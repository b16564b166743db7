import { defineQuery, useQuery } from '@pinia/colada'
import { computed } from 'vue'
import { getConfigQuery } from '@/api/generated/@pinia/colada.gen'

/** What the server says about itself: limits, the model that answers, today's date in its zone. Good for ten minutes. */
export const useAppConfig = defineQuery(() => {
  const query = useQuery(() => ({ ...getConfigQuery(), staleTime: 600_000 }))
  return {
    ...query,
    isDemo: computed(() => query.data.value?.language_model === 'demo'),
    registration: computed(() => query.data.value?.registration ?? 'open'),
    adminReadsVisible: computed(() => query.data.value?.admin_reads_visible ?? true),
    messageMax: computed(() => query.data.value?.message_max_chars ?? 200),
    passwordMin: computed(() => query.data.value?.password_min_length ?? 10),
  }
})
