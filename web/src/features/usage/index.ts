import { defineAsyncComponent } from 'vue'

/** Loaded after the conversation that it stands beside. */
export const UsageCard = defineAsyncComponent(() => import('./components/UsageCard.vue'))
export { useQuotaStore } from './quota.store'
