const HIDDEN_FLUSH_MS = 250

/**
 * Collects pieces of text and hands the whole on once per frame, however many pieces arrive. A hidden page has no frames; there a
 * timer flushes.
 */
export function createTextBuffer(apply: (text: string) => void) {
  let text = ''
  let cancel: (() => void) | null = null

  function schedule(): void {
    if (cancel) return
    if (document.hidden) {
      const timer = setTimeout(flush, HIDDEN_FLUSH_MS)
      cancel = () => clearTimeout(timer)
    } else {
      const frame = requestAnimationFrame(flush)
      cancel = () => cancelAnimationFrame(frame)
    }
  }

  function flush(): void {
    cancel?.()
    cancel = null
    apply(text)
  }

  return {
    append(piece: string): void {
      text += piece
      schedule()
    },
    /** Everything so far, shown or not. */
    get text(): string {
      return text
    },
    /** Begins anew. `shown` stands until the first piece arrives. */
    reset(shown = ''): void {
      text = ''
      cancel?.()
      cancel = null
      apply(shown)
    },
  }
}
