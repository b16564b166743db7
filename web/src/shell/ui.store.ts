import { useEventListener, useLocalStorage, useMediaQuery, usePreferredDark } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
export type Locale = 'ko' | 'en'

export const LOCALES: readonly Locale[] = ['ko', 'en']

/** The first of the browser's languages that the application speaks; Korean when there is none. */
function browserLocale(): Locale {
  for (const tag of navigator.languages) {
    const found = LOCALES.find((locale) => tag.toLowerCase().startsWith(locale))
    if (found) return found
  }
  return 'ko'
}

interface Preferences {
  theme: Theme
  /** `null` follows the browser. */
  locale: Locale | null
  left: boolean
  right: boolean
  /** Whether single letters and signs do something outside of fields (WCAG 2.1.4). */
  singleKeys: boolean
  /** Whether somebody has signed in here before: then the way in is signing in, not signing up. */
  returning: boolean
}

const KEY = 'lionrocket.ui'
const FORGET_MS = 50
const FORGET_TRIES = 80

/** How the application looks on this device. The only thing that is kept in local storage; public/boot.js reads it too. */
export const useUiStore = defineStore('ui', () => {
  // When the browser forgets everything, every tab is told, and what reads the storage begins anew in each and writes that down. So
  // this is noted just before, and put right just after.
  let before: Preferences | null = null
  useEventListener('storage', ({ key }: StorageEvent) => {
    if (key === null) before = { ...saved.value }
  })
  const saved = useLocalStorage<Preferences>(
    KEY,
    { theme: 'system', locale: null, left: true, right: true, singleKeys: true, returning: false },
    { mergeDefaults: true },
  )
  useEventListener('storage', ({ key }: StorageEvent) => {
    if (key === null && before) saved.value = { ...before }
  })
  const theme = computed({
    get: () => saved.value.theme,
    set: (value) => (saved.value.theme = value),
  })
  const locale = computed<Locale>({
    get: () => saved.value.locale ?? browserLocale(),
    set: (value) => (saved.value.locale = value),
  })

  const singleKeys = computed({
    get: () => saved.value.singleKeys,
    set: (value) => (saved.value.singleKeys = value),
  })
  /** Whether the list of keys is open. */
  const keysOpen = ref(false)

  const returning = computed({
    get: () => saved.value.returning,
    set: (value) => (saved.value.returning = value),
  })

  /** The account's language, for a device on which nobody has chosen one. */
  function suggestLocale(value: Locale): void {
    saved.value.locale ??= value
  }

  /**
   * Keeps the preferences over an act with which the server asks the browser to forget everything: how the application looks may stay.
   * The browser forgets when it likes, at times long after the answer: what is saved before that is lost, so it is waited for. Over
   * plain HTTP no browser forgets, and one that never does keeps nobody for long.
   */
  async function keepOver(act: () => Promise<void>): Promise<void> {
    const preferences = { ...saved.value }
    before = null
    await act()
    const isForgotten = (): boolean => before !== null || localStorage.getItem(KEY) === null
    for (let i = 0; window.isSecureContext && i < FORGET_TRIES && !isForgotten(); i += 1)
      await new Promise((resolve) => setTimeout(resolve, FORGET_MS))
    saved.value = preferences
  }

  const prefersDark = usePreferredDark()
  const isDark = computed(() => theme.value === 'dark' || (theme.value === 'system' && prefersDark.value))
  watch(isDark, (dark) => document.documentElement.classList.toggle('dark', dark), { immediate: true })

  const fitsLeft = useMediaQuery('(min-width: 48rem)')
  const fitsRight = useMediaQuery('(min-width: 80rem)')
  const leftDrawer = ref(false)
  const rightDrawer = ref(false)
  const leftDocked = computed(() => fitsLeft.value && saved.value.left)
  const rightDocked = computed(() => fitsRight.value && saved.value.right)
  watch([fitsLeft, fitsRight], closeDrawers)

  function toggleLeft(): void {
    if (fitsLeft.value) saved.value.left = !saved.value.left
    else leftDrawer.value = !leftDrawer.value
  }

  function toggleRight(): void {
    if (fitsRight.value) saved.value.right = !saved.value.right
    else rightDrawer.value = !rightDrawer.value
  }

  function closeDrawers(): void {
    leftDrawer.value = false
    rightDrawer.value = false
  }

  return {
    theme,
    locale,
    singleKeys,
    keysOpen,
    returning,
    isDark,
    fitsLeft,
    fitsRight,
    leftDocked,
    rightDocked,
    leftDrawer,
    rightDrawer,
    suggestLocale,
    keepOver,
    toggleLeft,
    toggleRight,
    closeDrawers,
  }
})
