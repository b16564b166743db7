import { defineAsyncComponent } from 'vue'

/** Loaded when it is shown: the store is needed on every page, the menu only beside the chats. */
export const AccountMenu = defineAsyncComponent(() => import('./components/AccountMenu.vue'))
export { useAuthStore } from './auth.store'
export { keepSecret } from './linkSecret'
export { EMAIL } from './forms'
export { landing } from './landing'
