import { useEventListener } from '@vueuse/core'
import { nextTick, ref, type Ref } from 'vue'

const NEAR_PX = 48

/**
 * Keeps the end of a list in view while it grows, until the reader goes up. Only what the reader does counts: a scroll event alone says
 * nothing, since the list itself scrolls too.
 */
export function useStickToEnd(scroller: Readonly<Ref<HTMLElement | null>>) {
  const pinned = ref(true)
  let touchY = 0
  let lastTop = 0
  let isHeld = false

  const distance = (element: HTMLElement) => element.scrollHeight - element.scrollTop - element.clientHeight

  function toEnd(): void {
    const element = scroller.value
    if (element) element.scrollTop = element.scrollHeight
  }

  /** To be called when the list or its frame changed size: in the same frame, so that the end never lags behind. */
  function onResize(): void {
    if (pinned.value) void nextTick(toEnd)
  }

  function pin(): void {
    pinned.value = true
    void nextTick(toEnd)
  }

  const unpin = () => (pinned.value = false)

  /** Does something that moves the list: that its end comes near then is nobody's wish. */
  async function hold(act: () => Promise<void>): Promise<void> {
    isHeld = true
    try {
      await act()
      // The last move is told of a frame later.
      await new Promise(requestAnimationFrame)
    } finally {
      isHeld = false
    }
  }

  useEventListener(scroller, 'wheel', (event: WheelEvent) => event.deltaY < 0 && unpin(), { passive: true })
  useEventListener(scroller, 'touchstart', (event: TouchEvent) => (touchY = event.touches[0]?.clientY ?? 0), {
    passive: true,
  })
  useEventListener(
    scroller,
    'touchmove',
    (event: TouchEvent) => (event.touches[0]?.clientY ?? 0) > touchY + 4 && unpin(),
    { passive: true },
  )
  useEventListener(
    scroller,
    'keydown',
    (event: KeyboardEvent) => ['PageUp', 'Home', 'ArrowUp'].includes(event.key) && unpin(),
  )
  // The scrollbar is the only part of the scroller that a pointer can hit beside its content.
  useEventListener(scroller, 'pointerdown', (event: PointerEvent) => {
    const element = scroller.value
    if (element && event.target === element && event.offsetX >= element.clientWidth) unpin()
  })
  useEventListener(
    scroller,
    'scroll',
    () => {
      const element = scroller.value
      if (!element) return
      // Near the end counts on the way down only, or a slow finger would never get away from it.
      if (!isHeld && element.scrollTop >= lastTop && distance(element) <= NEAR_PX) pinned.value = true
      lastTop = element.scrollTop
    },
    { passive: true },
  )

  return { pinned, pin, unpin, hold, onResize, toEnd }
}
