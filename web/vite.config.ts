import { fileURLToPath, URL } from 'node:url'
import VueI18n from '@intlify/unplugin-vue-i18n/vite'
import tailwindcss from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const backend = process.env['LIONROCKET_URL'] ?? 'http://localhost:8000'
const serverPaths = ['/api', '/auth', '/admin', '/docs', '/openapi.json', '/livez', '/readyz']

export default defineConfig({
  plugins: [
    vue(),
    tailwindcss(),
    VueI18n({
      include: fileURLToPath(new URL('./src/locales/*.json', import.meta.url)),
      runtimeOnly: true,
      dropMessageCompiler: true,
      strictMessage: true,
    }),
  ],
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: {
    proxy: Object.fromEntries(
      serverPaths.map((path) => [
        path,
        // The service answers under its own name only, and takes what reads a cookie from its own pages.
        { target: backend, changeOrigin: true, headers: { origin: backend } },
      ]),
    ),
  },
  build: {
    target: 'es2023',
    manifest: true,
    // The content security policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
