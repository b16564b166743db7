import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { useUiStore } from './ui.store'

function stored(): unknown {
  return JSON.parse(localStorage.getItem('lionrocket.ui') ?? 'null')
}

describe('how the application looks', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    localStorage.clear()
    setActivePinia(createPinia())
  })
  afterEach(() => {
    useUiStore().$dispose()
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it.each([0, 700, 3000])('stays when the browser forgets everything %i ms after an answer', async (late) => {
    vi.stubGlobal('isSecureContext', true)
    const ui = useUiStore()
    Object.assign(ui, { theme: 'dark', returning: true })
    await nextTick()
    const kept = ui.keepOver(() => Promise.resolve())
    setTimeout(() => localStorage.clear(), late)
    await vi.advanceTimersByTimeAsync(late + 100)
    await kept
    await nextTick()
    expect(ui.theme).toBe('dark')
    expect(stored()).toMatchObject({ theme: 'dark', returning: true })
  })

  it('stays in every tab when the browser has forgotten everything', async () => {
    const ui = useUiStore()
    Object.assign(ui, { theme: 'dark', returning: true })
    await nextTick()
    localStorage.clear()
    window.dispatchEvent(new StorageEvent('storage', { key: null, storageArea: localStorage }))
    await nextTick()
    expect(ui.theme).toBe('dark')
    expect(stored()).toMatchObject({ theme: 'dark', returning: true })
  })

  it('is waited for only where a browser may forget', async () => {
    vi.stubGlobal('isSecureContext', false)
    const ui = useUiStore()
    ui.theme = 'dark'
    await nextTick()
    await ui.keepOver(() => Promise.resolve())
    expect(stored()).toMatchObject({ theme: 'dark' })
  })
})
