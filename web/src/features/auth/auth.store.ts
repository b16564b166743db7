import { defineStore } from 'pinia'
import { computed, shallowRef } from 'vue'
import * as api from '@/api/generated/sdk.gen'
import type { AuthView, UserView } from '@/api/generated/types.gen'
import { createSession, type EndReason, type SessionState } from '@/api/session'
import { useUiStore } from '@/shell/ui.store'
import { openTabs } from './tabs'

/** How long an access token may live at most, in seconds: it is renewed by a cookie, so a short life costs nothing. */
const life = { access_ttl_seconds: 900 }
/** So short that a second try comes while the server still repeats an answer that was lost. */
const REFRESH_TIMEOUT_MS = 4_000

/** Who is signed in. */
export const useAuthStore = defineStore('auth', () => {
  const session = createSession({
    refresh: async () => (await api.refresh({ body: life, timeout: REFRESH_TIMEOUT_MS })).data,
    locks: globalThis.navigator?.locks,
    channel: openTabs(),
  })
  const state = shallowRef<SessionState>(session.state)
  /** When an account that was just deleted will be gone for good. */
  const eraseAt = shallowRef<string | null>(null)
  const changed = shallowRef<UserView | null>(null)
  session.onChange((next) => {
    state.value = next
    changed.value = null
  })

  const user = computed(() => {
    if (state.value.kind !== 'in') return null
    return changed.value ?? state.value.auth.user
  })
  /** While the server has not said that nobody is signed in, everything stays where it is. */
  const isAuthenticated = computed(() => state.value.kind !== 'out')
  const endReason = computed<EndReason>(() => (state.value.kind === 'out' ? state.value.reason : 'none'))

  async function login(username: string, password: string): Promise<void> {
    const { data } = await api.login({ body: { username, password, ...life } })
    session.accept(data)
  }

  async function register(
    account: { username: string; email: string; password: string },
    invite: string | null,
  ): Promise<void> {
    const body = { ...account, ...(invite === null ? {} : { invite }) }
    const { data } = await api.register({ body: { ...body, ...life } })
    session.accept(data)
  }

  /** Signs out, in every tab. Throws when the server was not told: the cookie would sign in again. */
  async function logout(): Promise<void> {
    await useUiStore().keepOver(async () => void (await api.logout()))
    session.end('signed_out')
  }

  /** The account was deleted, which ended every session of it; what is left of it goes at `at`. */
  function leave(at: string): void {
    eraseAt.value = at
    session.end('deleted')
  }

  /** A new token for the same session, after a change that made the old one void. */
  function accept(auth: AuthView): void {
    session.accept(auth)
  }

  /** The account has changed. */
  function setUser(fresh: UserView): void {
    changed.value = fresh
  }

  return {
    session,
    state,
    user,
    isAuthenticated,
    endReason,
    login,
    register,
    logout,
    accept,
    setUser,
    eraseAt,
    leave,
    bootstrap: session.start,
  }
})
