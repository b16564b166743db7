import type { Pinia } from 'pinia'
import { createRouter, createWebHistory, type Router } from 'vue-router'
import { installGuards } from './guards'
import type { WordPart } from './i18n'

declare module 'vue-router' {
  interface RouteMeta {
    /** For people without a session only, or for everybody; without it, for people with one. */
    audience?: 'guests' | 'everybody'
    /** i18n key of the page's title. */
    title?: string
    /** Words that the page needs beyond the common ones. */
    words?: WordPart
  }
}

/** Paths of the application never begin with one that the server owns (/api, /auth, /admin, /docs …). */
export function createAppRouter(pinia: Pinia): Router {
  const router = createRouter({
    history: createWebHistory(),
    routes: [
      {
        path: '/login',
        name: 'login',
        component: () => import('@/features/auth/LoginView.vue'),
        meta: { audience: 'guests', title: 'auth.login_title' },
      },
      {
        path: '/register',
        name: 'register',
        component: () => import('@/features/auth/RegisterView.vue'),
        meta: { audience: 'guests', title: 'auth.register_title' },
      },
      {
        path: '/reset-password',
        name: 'reset-password',
        component: () => import('@/features/auth/ResetPasswordView.vue'),
        meta: { audience: 'everybody', title: 'auth.reset_title' },
      },
      {
        path: '/',
        component: () => import('./WorkspaceLayout.vue'),
        meta: { words: 'workspace' },
        children: [
          { path: '', redirect: { name: 'chat' } },
          {
            path: 'chat/:id(\\d+)?',
            name: 'chat',
            components: {
              default: () => import('@/features/chat/ChatView.vue'),
              right: () => import('@/features/chat/DetailsPane.vue'),
            },
            meta: { title: 'chat.title' },
          },
          {
            path: 'characters',
            name: 'characters',
            component: () => import('@/features/characters/GalleryView.vue'),
            meta: { title: 'characters.title' },
          },
          {
            path: 'characters/new',
            name: 'character-new',
            component: () => import('@/features/characters/EditorView.vue'),
            meta: { title: 'characters.new_title' },
          },
          {
            path: 'characters/:id(\\d+)/edit',
            name: 'character-edit',
            component: () => import('@/features/characters/EditorView.vue'),
            meta: { title: 'characters.edit_title' },
          },
          {
            path: 'settings',
            name: 'settings',
            component: () => import('@/features/settings/SettingsView.vue'),
            meta: { title: 'settings.title', words: 'account' },
          },
        ],
      },
      {
        path: '/:rest(.*)*',
        name: 'missing',
        component: () => import('./MissingView.vue'),
        meta: { audience: 'everybody', title: 'missing.title' },
      },
    ],
  })
  installGuards(router, pinia)
  return router
}
