import { defineConfig, mergeConfig } from 'vitest/config'
import viteConfig from './vite.config'

export default mergeConfig(
  viteConfig,
  defineConfig({
    test: {
      environment: 'jsdom',
      environmentOptions: { jsdom: { url: 'http://localhost:3000/' } },
      include: ['src/**/*.test.ts'],
      setupFiles: ['src/testing/setup.ts'],
      reporters: ['default', './scripts/plain-reporter.ts'],
      restoreMocks: true,
      // The colours are tested by what the style sheet says.
      css: true,
    },
  }),
)
