import { useEventListener } from '@vueuse/core'
import { ref, shallowRef } from 'vue'

/** The element whose tip is to be shown. */
const target = shallowRef<HTMLElement | null>(null)
/** Whether a tip was ever needed: the layer that draws it is loaded with the first one. */
const wanted = ref(false)

const WAIT_MS = 500
/** So soon after a tip the next one comes at once. */
const SKIP_MS = 200

/**
 * Tips for everything that carries `data-tip`: shown after the pointer rested there or the keyboard got there, and gone with Esc, a press
 * or the end of either.
 */
export function useTips(): { target: typeof target; wanted: typeof wanted } {
  let timer = 0
  let hiddenAt = 0

  const tipped = (event: Event) =>
    (event.target as Element | null)?.closest?.<HTMLElement>('[data-tip]') ?? null

  function show(element: HTMLElement | null, afterMs: number): void {
    clearTimeout(timer)
    if (!element) return
    wanted.value = true
    timer = window.setTimeout(() => element.isConnected && (target.value = element), afterMs)
  }
  function hide(): void {
    clearTimeout(timer)
    if (target.value) hiddenAt = Date.now()
    target.value = null
  }

  useEventListener(document, 'pointerover', (event) => {
    if (event.pointerType === 'touch' || (event.target as Element).closest('[role="tooltip"]')) return
    const element = tipped(event)
    if (element && element === target.value) return
    hide()
    show(element, Date.now() - hiddenAt < SKIP_MS ? 0 : WAIT_MS)
  })
  useEventListener(document, 'focusin', (event) => {
    hide()
    const element = tipped(event)
    if (element?.matches(':focus-visible')) show(element, 0)
  })
  useEventListener(document, ['pointerdown', 'focusout', 'scroll'], hide, { capture: true, passive: true })
  useEventListener(document, 'keydown', (event) => event.key === 'Escape' && hide())

  return { target, wanted }
}
