import remend from 'remend'
import { splitBlocks } from './render'

/** How many blocks at the end may still change when more text arrives (a list or a quote can grow into the next one). */
const OPEN_BLOCKS = 2

/**
 * Cuts a growing text into blocks of Markdown. Blocks that can no longer change are cut once; only the tail is read again, with its
 * open marks closed, so the cost of a frame does not grow with the length of the reply.
 */
export class StreamRenderer {
  #frozen: string[] = []
  #frozenLength = 0
  #source = ''

  /** The Markdown of each block of `text`. A text that does not begin with the one of the call before starts over. */
  split(text: string): string[] {
    const source = text.replace(/\r\n?/g, '\n')
    if (!source.startsWith(this.#source)) this.#reset()
    this.#source = source
    const open = splitBlocks(source.slice(this.#frozenLength))
    while (open.length > OPEN_BLOCKS) {
      const block = open.shift() ?? ''
      this.#frozen.push(block)
      this.#frozenLength += block.length
    }
    return [...this.#frozen, ...open.map((block, i) => (i === open.length - 1 ? heal(block) : block))]
  }

  #reset(): void {
    this.#frozen = []
    this.#frozenLength = 0
    this.#source = ''
  }
}

// The mark of the next point of a list, without its first word, would stand there as a dash for a moment.
const BARE_MARK = /\n[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]*$/

function heal(block: string): string {
  return remend(block.replace(BARE_MARK, ''), {
    linkMode: 'text-only',
    htmlTags: false,
    comparisonOperators: false,
    katex: false,
  })
}
