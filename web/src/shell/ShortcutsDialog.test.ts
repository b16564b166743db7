import { render, screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { renderApp } from '@/testing/render'
import { useShortcuts } from './shortcuts'
import ShortcutsDialog from './ShortcutsDialog.vue'
import { useUiStore } from './ui.store'

const pinia = createPinia()
beforeEach(() => {
  setActivePinia(pinia)
  useUiStore().singleKeys = true
})

describe('the list of keys', () => {
  it('lets single letters be switched off', async () => {
    const ui = useUiStore()
    ui.keysOpen = true
    renderApp(ShortcutsDialog, { pinia })
    const toggle = await screen.findByRole('switch', { name: '한 글자 단축키 쓰기' })
    expect(toggle).toBeChecked()
    await userEvent.click(toggle)
    expect(ui.singleKeys).toBe(false)
    await userEvent.click(screen.getByRole('button', { name: '닫기' }))
    expect(ui.keysOpen).toBe(false)
  })
})

describe('keys', () => {
  const listen = (acts: Record<string, () => void>) =>
    render(
      defineComponent(() => {
        useShortcuts(acts)
        return () => h('input', { 'aria-label': 'field' })
      }),
    )

  it('do something outside of fields only, unless they go with the command key', async () => {
    const acts = { '?': vi.fn(), 'mod+b': vi.fn() }
    listen(acts)
    await userEvent.keyboard('?')
    await userEvent.click(screen.getByRole('textbox'))
    await userEvent.keyboard('?{Control>}b{/Control}')
    expect(acts['?']).toHaveBeenCalledOnce()
    expect(acts['mod+b']).toHaveBeenCalledOnce()
  })

  it('do nothing by themselves when single ones are switched off', async () => {
    useUiStore().singleKeys = false
    const acts = { '?': vi.fn(), 'mod+b': vi.fn() }
    listen(acts)
    await userEvent.keyboard('?{Control>}b{/Control}')
    expect(acts['?']).not.toHaveBeenCalled()
    expect(acts['mod+b']).toHaveBeenCalledOnce()
  })
})
