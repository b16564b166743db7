import type { Pinia } from 'pinia'
import type { RouteLocationNormalized, Router } from 'vue-router'
import { keepSecret, useAuthStore } from '@/features/auth'
import { useUiStore } from '@/shell/ui.store'

/**
 * Sends people without a session to the sign-in page (and back afterwards), those who were never here to the sign-up page, and people
 * with a session past both.
 */
export function installGuards(router: Router, pinia: Pinia): void {
  const auth = useAuthStore(pinia)
  const ui = useUiStore(pinia)
  router.beforeEach(async (to) => {
    // Before anything else sees the address.
    if (takeSecret(to)) return { ...to, hash: '', replace: true }
    await auth.bootstrap()
    const { audience } = to.meta
    if (auth.user) ui.returning = true
    if (audience === 'guests' && auth.user) return { name: 'chat' }
    if (audience === undefined && !auth.isAuthenticated) {
      const isStart = to.name === 'chat' && !to.params['id']
      if (isStart) return { name: ui.returning ? 'login' : 'register' }
      return { name: 'login', query: { redirect: to.fullPath } }
    }
    return true
  })

  // After a deploy the chunks of the old page are gone: one reload fetches the new ones.
  router.onError((error, to) => {
    if (!/dynamically imported module|Importing a module script failed/.test(String(error))) return
    const key = 'lionrocket.reloaded'
    if (history.state?.[key]) return
    history.replaceState({ ...history.state, [key]: true }, '', to.fullPath)
    location.reload()
  })
}

/** Takes the secret of an invitation or a reset out of the address, if there is one. */
function takeSecret({ name, hash }: RouteLocationNormalized): boolean {
  if ((name !== 'register' && name !== 'reset-password') || hash.length < 2) return false
  keepSecret(name, hash.slice(1))
  return true
}
