import { useEventListener } from '@vueuse/core'
import { useUiStore } from './ui.store'

/** The key that commands begin with on this machine, as it is printed. */
export const MOD = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘' : 'Ctrl+'

/** Acts by key: `mod+b`, `mod+shift+o`, or a single sign such as `/`, which counts outside of fields only, and can be switched off. */
export function useShortcuts(acts: Record<string, () => void>): void {
  const ui = useUiStore()
  useEventListener(document, 'keydown', (event: KeyboardEvent) => {
    if (event.isComposing || event.altKey) return
    const mod = event.ctrlKey || event.metaKey
    const inField = (event.target as HTMLElement).closest('input, textarea, [contenteditable]') !== null
    if (!mod && (inField || !ui.singleKeys)) return
    // The sign `/` needs Shift on some keyboards: Shift counts together with the command key only.
    const act = acts[`${mod ? 'mod+' : ''}${mod && event.shiftKey ? 'shift+' : ''}${event.key.toLowerCase()}`]
    if (!act) return
    event.preventDefault()
    act()
  })
}
