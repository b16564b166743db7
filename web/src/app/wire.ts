import type { Pinia } from 'pinia'
import { nextTick, watch } from 'vue'
import type { RouteLocationNormalized, Router } from 'vue-router'
import { setupHttp } from '@/api/http'
import { landing, useAuthStore } from '@/features/auth'
import { useConnectionStore } from '@/shell/connection.store'
import { LOCALES, useUiStore } from '@/shell/ui.store'
import { type AppI18n, loadWords, setLocale } from './i18n'

/** Joins what may not know each other: HTTP with the session, the session with the pages, the preferences with the languages. */
export function wire(pinia: Pinia, router: Router, i18n: AppI18n): void {
  const auth = useAuthStore(pinia)
  const ui = useUiStore(pinia)
  const connection = useConnectionStore(pinia)

  setupHttp({ session: auth.session, locale: () => ui.locale, onReachable: connection.setReachable })
  // The answer is on its way while words and pages are being loaded.
  void auth.bootstrap()

  watch(
    () => auth.state,
    (state, before) => {
      const { fullPath, meta, query } = router.currentRoute.value
      if (state.kind === 'out' && before.kind === 'in' && meta.audience === undefined) {
        // Whoever signs out is done here; who did not mean to finds the way back.
        const ended = state.reason === 'expired' || state.reason === 'elsewhere'
        void router.push({ name: 'login', query: ended ? { redirect: fullPath } : {} })
      }
      if (state.kind !== 'in') return
      // Another tab has signed in.
      if (meta.audience === 'guests') void router.replace(landing(query['redirect']))
      // The server was silent at the start: nothing could be loaded.
      if (
        before.kind === 'unknown' &&
        meta.audience === undefined &&
        router.currentRoute.value.matched.length > 0
      )
        location.reload()
    },
  )
  watch(
    () => connection.online,
    (online) => online && auth.state.kind === 'unknown' && void auth.bootstrap(),
  )

  // Another person on the same page must not meet what the one before has read.
  let lastUser: number | null = null
  watch(
    () => auth.user?.id ?? null,
    (id) => {
      if (id !== null && lastUser !== null && id !== lastUser) location.reload()
      lastUser = id ?? lastUser
    },
  )
  // A language that was chosen on another device counts where none was chosen.
  watch(
    () => auth.user?.locale,
    (locale) => {
      const known = LOCALES.find((item) => item === locale)
      if (known) ui.suggestLocale(known)
    },
  )
  watch(
    () => ui.locale,
    async (locale) => {
      await setLocale(i18n, locale)
      setTitle(router, i18n)
    },
  )
  // The words are on their way together with the page.
  router.beforeEach((to) => void wordsOf(to, i18n))
  router.beforeResolve((to) => wordsOf(to, i18n))
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

async function wordsOf({ matched }: RouteLocationNormalized, i18n: AppI18n): Promise<void> {
  await Promise.all(matched.map(({ meta }) => meta.words && loadWords(i18n, meta.words)))
}

function setTitle(router: Router, i18n: AppI18n): void {
  const { t } = i18n.global
  const key = router.currentRoute.value.meta.title
  document.title = key ? t('app.title', { page: t(key), app: t('app.name') }) : t('app.name')
}
