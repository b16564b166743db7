import { PiniaColada } from '@pinia/colada'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { createAppI18n, setLocale } from './app/i18n'
import { createAppRouter } from './app/router'
import { wire } from './app/wire'
import { useUiStore } from './shell/ui.store'
import './styles/main.css'

const pinia = createPinia()
const i18n = createAppI18n()
const router = createAppRouter(pinia)
const app = createApp(App).use(pinia).use(PiniaColada, {}).use(i18n)

wire(pinia, router, i18n)
await setLocale(i18n, useUiStore(pinia).locale)
app.use(router)
app.mount('#app')

// Fonts come after the first paint: text is readable before they arrive.
requestAnimationFrame(() => void import('./styles/fonts.css'))
