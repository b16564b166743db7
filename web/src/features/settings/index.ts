import { defineAsyncComponent } from 'vue'

/** Loaded after the page around it: menus weigh more than the screens that they stand on. */
export const PreferencesMenu = defineAsyncComponent(() => import('./components/PreferencesMenu.vue'))
