import { defineConfig, mergeConfig } from 'vitest/config'
import viteConfig from './vite.config'

export default mergeConfig(
  viteConfig,
  defineConfig({
    // The words are held against docs/ERRORS.md.
    server: { fs: { allow: ['..'] } },
    test: {
      environment: 'jsdom',
      environmentOptions: { jsdom: { url: 'http://localhost:3000/' } },
      include: ['src/**/*.test.ts'],
      setupFiles: ['src/testing/setup.ts'],
      reporters: ['default', './scripts/plain-reporter.ts'],
      restoreMocks: true,
      testTimeout: 30_000,
      // The colours are tested by what the style sheet says.
      css: true,
    },
  }),
)
