import { createI18n } from 'vue-i18n'
import type enAccount from '@/locales/en.account.json'
import type en from '@/locales/en.json'
import type enWorkspace from '@/locales/en.workspace.json'
import type { Locale } from '@/shell/ui.store'

declare module 'vue-i18n' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  export interface DefineLocaleMessage extends Messages {}
}

type Words = typeof en
type Messages = Words & typeof enAccount & typeof enWorkspace

/** Words beyond those that every screen has; they come with the screen that needs them. */
export type WordPart = 'account' | 'workspace'

const load: Record<Locale, () => Promise<{ default: Words }>> = {
  ko: () => import('@/locales/ko.json'),
  en: () => import('@/locales/en.json'),
}
const loadPart: Record<WordPart, Record<Locale, () => Promise<{ default: Partial<Messages> }>>> = {
  account: {
    ko: () => import('@/locales/ko.account.json'),
    en: () => import('@/locales/en.account.json'),
  },
  workspace: {
    ko: () => import('@/locales/ko.workspace.json'),
    en: () => import('@/locales/en.workspace.json'),
  },
}

const loaded = new Set<string>()
const wanted = new Set<WordPart>()

export type AppI18n = ReturnType<typeof createAppI18n>

export function createAppI18n() {
  return createI18n<false>({
    legacy: false,
    locale: 'ko',
    fallbackWarn: false,
    missingWarn: import.meta.env.DEV,
    datetimeFormats: {
      ko: {
        time: { hour: 'numeric', minute: '2-digit' },
        day: { month: 'long', day: 'numeric' },
        moment: { year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit' },
      },
      en: {
        time: { hour: 'numeric', minute: '2-digit' },
        day: { month: 'short', day: 'numeric' },
        moment: { year: 'numeric', month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' },
      },
    },
  })
}

/** Loads a language if need be and speaks it from now on. */
export async function setLocale(i18n: AppI18n, locale: Locale): Promise<void> {
  if (!loaded.has(locale)) {
    const words = (await load[locale]()).default
    // A part may have come first.
    i18n.global.mergeLocaleMessage(locale, words)
    loaded.add(locale)
  }
  await Promise.all([...wanted].map((part) => loadWords(i18n, part, locale)))
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}

/** Loads the words of a screen, in the language that is spoken and in any that will be. */
export async function loadWords(
  i18n: AppI18n,
  part: WordPart,
  locale = i18n.global.locale.value as Locale,
): Promise<void> {
  wanted.add(part)
  const key = `${part}.${locale}`
  if (loaded.has(key)) return
  i18n.global.mergeLocaleMessage(locale, (await loadPart[part][locale]()).default)
  loaded.add(key)
}
