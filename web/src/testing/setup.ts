import '@testing-library/jest-dom/vitest'
import 'fake-indexeddb/auto'
import { cleanup, configure } from '@testing-library/vue'
import { afterEach, vi } from 'vitest'

// Tests are no tabs of each other.
vi.mock('@/features/auth/tabs', () => ({ openTabs: () => undefined }))
vi.mock('@/features/chat/tabs', () => ({ openChatTabs: () => undefined }))

if (typeof window !== 'undefined') {
  // A slow machine is no failure.
  configure({ asyncUtilTimeout: 10_000 })
  afterEach(cleanup)
  // What jsdom lacks; every test is a wide window with a mouse and a light theme.
  window.matchMedia ??= (query: string) =>
    ({
      matches: /hover: hover|min-width/.test(query),
      media: query,
      addEventListener: () => {},
      removeEventListener: () => {},
    }) as unknown as MediaQueryList
  globalThis.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  Element.prototype.scrollIntoView ??= () => {}
  vi.stubGlobal('CSS', { supports: () => true })
}
