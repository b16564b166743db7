import { hash } from './hue'

/** A landscape for one character, as SVG geometry in a box of 80 × 100. */
export interface Landscape {
  sun: { x: number; y: number; r: number }
  far: string
  mid: string
  near: string
}

const WIDTH = 80
const HEIGHT = 100

/** Numbers in 0…1 from a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A closed path below a smooth ridge that runs around `level` and swings by `swing`. */
function ridge(next: () => number, level: number, swing: number, steps: number): string {
  const width = WIDTH / steps
  const y = () => level + (next() - 0.5) * 2 * swing
  let from = y()
  let path = `M0 ${HEIGHT}V${from.toFixed(1)}`
  for (let i = 0; i < steps; i += 1) {
    const to = y()
    const x = i * width
    path += `C${(x + width / 2).toFixed(1)} ${from.toFixed(1)} ${(x + width / 2).toFixed(1)} ${to.toFixed(1)} ${(x + width).toFixed(1)} ${to.toFixed(1)}`
    from = to
  }
  return `${path}V${HEIGHT}Z`
}

/** The landscape that belongs to a seed; always the same for the same seed. */
export function landscape(seed: string): Landscape {
  const next = random(hash(seed))
  return {
    sun: { x: 16 + next() * 48, y: 30 + next() * 12, r: 6 + next() * 5 },
    far: ridge(next, 52, 7, 3),
    mid: ridge(next, 62, 6, 2),
    near: ridge(next, 74, 5, 2),
  }
}

/** The first visible character of a name, for a monogram. */
export function monogram(name: string): string {
  const first = new Intl.Segmenter().segment(name.normalize('NFC').trim())[Symbol.iterator]().next()
  return first.done ? '·' : first.value.segment.toUpperCase()
}
