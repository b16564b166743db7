import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import type { AuthView, UserView } from '@/api/generated/types.gen'
import { toApiError } from '@/api/problem'
import { loadToken, saveToken } from './token'

/** Who is signed in. */
export const useAuthStore = defineStore('auth', () => {
  const token = ref<string | null>(loadToken())
  const user = shallowRef<UserView | null>(null)
  const isAuthenticated = computed(() => token.value !== null)
  let bootstrapped: Promise<void> | null = null

  function accept(auth: AuthView): void {
    token.value = auth.access_token
    user.value = auth.user
    saveToken(auth.access_token)
  }

  async function login(username: string, password: string): Promise<void> {
    const { data } = await api.login({ body: { username, password } })
    accept(data)
  }

  async function register(username: string, email: string, password: string): Promise<void> {
    const { data } = await api.register({ body: { username, email, password } })
    accept(data)
  }

  /** Signs out here in any case; the server is told if it can be reached. */
  async function logout(): Promise<void> {
    await api.logout().catch(() => undefined)
    expire()
  }

  /** The session is over: forgets it. */
  function expire(): void {
    token.value = null
    user.value = null
    saveToken(null)
  }

  /** Asks once who the kept token belongs to. A server that cannot be reached changes nothing. */
  function bootstrap(): Promise<void> {
    bootstrapped ??= loadUser()
    return bootstrapped
  }

  async function loadUser(): Promise<void> {
    if (token.value === null || user.value !== null) return
    try {
      user.value = (await api.getMe()).data
    } catch (thrown) {
      if (toApiError(thrown).problem.status === 401) expire()
    }
  }

  return { user, token, isAuthenticated, login, register, logout, expire, bootstrap }
})
