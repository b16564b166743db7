import { ref, shallowRef } from 'vue'
import { listMyAdminViews } from '@/api/generated/sdk.gen'
import type { AdminReadView } from '@/api/generated/types.gen'
import { toApiError, type ApiError } from '@/api/problem'

const PAGE = 20

/** Who of the administrators has read what, newest first, page by page. */
export function useAdminViews() {
  const views = shallowRef<readonly AdminReadView[]>([])
  const cursor = ref<string | null>(null)
  const state = ref<'loading' | 'ready' | 'error'>('loading')
  const error = shallowRef<ApiError | null>(null)

  async function load(): Promise<void> {
    state.value = 'loading'
    const from = cursor.value
    try {
      const { data } = await listMyAdminViews({
        query: { limit: PAGE, ...(from === null ? {} : { cursor: from }) },
      })
      views.value = [...views.value, ...data.items]
      cursor.value = data.next_cursor
      state.value = 'ready'
    } catch (thrown) {
      error.value = toApiError(thrown)
      state.value = 'error'
    }
  }

  return { views, cursor, state, error, load }
}
