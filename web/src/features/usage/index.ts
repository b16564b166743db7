export { default as UsageCard } from './components/UsageCard.vue'
export { useQuotaStore } from './quota.store'
