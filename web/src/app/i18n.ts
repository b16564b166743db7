import { createI18n } from 'vue-i18n'
import type en from '@/locales/en.json'
import type { Locale } from '@/shell/ui.store'

declare module 'vue-i18n' {
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type
  export interface DefineLocaleMessage extends Messages {}
}

type Messages = typeof en

const load: Record<Locale, () => Promise<{ default: Messages }>> = {
  ko: () => import('@/locales/ko.json'),
  en: () => import('@/locales/en.json'),
}

const loaded = new Set<Locale>()

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
    i18n.global.setLocaleMessage(locale, (await load[locale]()).default)
    loaded.add(locale)
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}
