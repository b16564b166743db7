export { default as ChatSidebar } from './components/ChatSidebar.vue'
export { useChatStore } from './chat.store'
export { useStartChat } from './composables/useStartChat'
