import { defineStore } from 'pinia'
import * as api from '@/api/generated/sdk.gen'
import type { ProfileBody, UserView } from '@/api/generated/types.gen'
import { deleteMe } from '@/api/generated/sdk.gen'
import { toApiError } from '@/api/problem'
import { useAuthStore } from '@/features/auth'

interface Answer {
  data: UserView
  headers: Record<string, unknown>
}

/** Changes of one's own account. */
export const useAccountStore = defineStore('account', () => {
  const auth = useAuthStore()
  /** The entity tag of the account as it was read last: a change is for that version and for no later one. */
  let tag: string | null = null

  function take({ data, headers }: Answer): void {
    auth.setUser(data)
    tag = typeof headers['etag'] === 'string' ? headers['etag'] : null
  }

  /** Reads the account again. */
  async function reload(): Promise<void> {
    take(await api.getMe())
  }

  /** Changes the account. When somebody was faster, that is refused once, and the next try is for what there is now. */
  async function update(body: ProfileBody): Promise<UserView> {
    if (tag === null) await reload()
    try {
      const answer = await api.updateMe({ body, headers: tag === null ? {} : { 'If-Match': tag } })
      take(answer)
      return answer.data
    } catch (thrown) {
      if (toApiError(thrown).problem.code === 'precondition_failed') await reload()
      throw thrown
    }
  }

  /** Asks for the account to be deleted. That ends every session of it at once. */
  async function remove(): Promise<void> {
    auth.leave((await deleteMe()).data.erase_at)
  }

  return { reload, update, remove }
})
