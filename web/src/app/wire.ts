import type { Pinia } from 'pinia'
import { nextTick, watch } from 'vue'
import type { Router } from 'vue-router'
import { setupHttp } from '@/api/http'
import { useAuthStore } from '@/features/auth'
import { useConnectionStore } from '@/shell/connection.store'
import { useUiStore } from '@/shell/ui.store'
import { type AppI18n, setLocale } from './i18n'

/** Joins what may not know each other: HTTP with the session, the session with the pages, the preferences with the languages. */
export function wire(pinia: Pinia, router: Router, i18n: AppI18n): void {
  const auth = useAuthStore(pinia)
  const ui = useUiStore(pinia)
  const connection = useConnectionStore(pinia)

  setupHttp({
    token: () => auth.token,
    locale: () => ui.locale,
    onUnauthorized: () => {
      auth.expire()
      const { fullPath, meta } = router.currentRoute.value
      if (!meta.guest) void router.push({ name: 'login', query: { redirect: fullPath } })
    },
    onReachable: connection.setReachable,
  })

  // Another person on the same page must not meet what the one before has read.
  let lastUser: number | null = null
  watch(
    () => auth.user?.id ?? null,
    (id) => {
      if (id !== null && lastUser !== null && id !== lastUser) location.reload()
      lastUser = id ?? lastUser
    },
  )
  watch(
    () => ui.locale,
    async (locale) => {
      await setLocale(i18n, locale)
      setTitle(router, i18n)
    },
  )
  router.afterEach(async (to, from, failure) => {
    if (failure) return
    ui.closeDrawers()
    setTitle(router, i18n)
    // A new page begins at its heading for people who cannot see that it is new.
    if (from.name && from.name !== to.name) {
      await nextTick()
      document.getElementById('main')?.focus({ preventScroll: true })
    }
  })
}

function setTitle(router: Router, i18n: AppI18n): void {
  const { t } = i18n.global
  const key = router.currentRoute.value.meta.title
  document.title = key ? t('app.title', { page: t(key), app: t('app.name') }) : t('app.name')
}
