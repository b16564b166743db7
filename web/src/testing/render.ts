import { PiniaColada } from '@pinia/colada'
import { render } from '@testing-library/vue'
import { createPinia, type Pinia, setActivePinia } from 'pinia'
import { type Component, defineComponent, h } from 'vue'
import { createI18n } from 'vue-i18n'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import enAccount from '@/locales/en.account.json'
import en from '@/locales/en.json'
import enWorkspace from '@/locales/en.workspace.json'
import koAccount from '@/locales/ko.account.json'
import ko from '@/locales/ko.json'
import koWorkspace from '@/locales/ko.workspace.json'
import type { Locale } from '@/shell/ui.store'

interface Options {
  props?: Record<string, unknown>
  locale?: Locale
  pinia?: Pinia
}

const Blank = defineComponent(() => () => h('div'))

/** The routes of the application by name, without their screens. */
export function testRouter(): Router {
  return createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/login', name: 'login', component: Blank },
      { path: '/register', name: 'register', component: Blank },
      { path: '/reset-password', name: 'reset-password', component: Blank },
      { path: '/settings', name: 'settings', component: Blank },
      { path: '/chat/:id?', name: 'chat', component: Blank },
      { path: '/characters', name: 'characters', component: Blank },
      { path: '/characters/new', name: 'character-new', component: Blank },
      { path: '/characters/:id/edit', name: 'character-edit', component: Blank },
    ],
  })
}

/** Renders a component with stores, routes and words, as the application does. */
export function renderApp(
  component: Component,
  { props = {}, locale = 'ko', pinia = createPinia() }: Options = {},
) {
  setActivePinia(pinia)
  const router = testRouter()
  const i18n = createI18n({
    legacy: false,
    locale,
    messages: { ko: { ...ko, ...koAccount, ...koWorkspace }, en: { ...en, ...enAccount, ...enWorkspace } },
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
  const Host = defineComponent({
    inheritAttrs: false,
    setup:
      (_props, { attrs }) =>
      () =>
        h(component, attrs),
  })
  const view = render(Host, {
    attrs: props,
    global: { plugins: [pinia, [PiniaColada, {}], i18n, router] },
  })
  return { ...view, router, pinia }
}
