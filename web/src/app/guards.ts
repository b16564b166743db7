import type { Pinia } from 'pinia'
import type { Router } from 'vue-router'
import { useAuthStore } from '@/features/auth'
import { useUiStore } from '@/shell/ui.store'

/**
 * Sends people without a session to the sign-in page (and back afterwards), those who were never here to the sign-up page, and people
 * with a session past both.
 */
export function installGuards(router: Router, pinia: Pinia): void {
  const auth = useAuthStore(pinia)
  const ui = useUiStore(pinia)
  router.beforeEach(async (to) => {
    await auth.bootstrap()
    if (auth.isAuthenticated) ui.returning = true
    if (to.meta.guest && auth.isAuthenticated) return { name: 'chat' }
    if (!to.meta.guest && to.name !== 'missing' && !auth.isAuthenticated) {
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
