import type { Pinia } from 'pinia'
import type { Router } from 'vue-router'
import { useAuthStore } from '@/features/auth'

/** Sends people without a session to the sign-in page (and back afterwards), and people with one past it. */
export function installGuards(router: Router, pinia: Pinia): void {
  const auth = useAuthStore(pinia)
  router.beforeEach(async (to) => {
    await auth.bootstrap()
    if (to.meta.guest && auth.isAuthenticated) return { name: 'chat' }
    if (!to.meta.guest && to.name !== 'missing' && !auth.isAuthenticated) {
      const isStart = to.name === 'chat' && !to.params['id']
      return { name: 'login', query: isStart ? {} : { redirect: to.fullPath } }
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
