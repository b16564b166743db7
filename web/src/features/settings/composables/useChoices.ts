import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Locale, Theme } from '@/shell/ui.store'

// A language is named in itself: whoever looks for it reads that one.
const locales: { value: Locale; label: string; lang: string }[] = [
  { value: 'ko', label: '한국어', lang: 'ko' },
  { value: 'en', label: 'English', lang: 'en' },
]

/** The languages and appearances to choose from. */
export function useChoices() {
  const { t } = useI18n()
  const themes = computed<{ value: Theme; label: string }[]>(() => [
    { value: 'system', label: t('settings.theme_system') },
    { value: 'light', label: t('settings.theme_light') },
    { value: 'dark', label: t('settings.theme_dark') },
  ])
  return { locales, themes }
}
