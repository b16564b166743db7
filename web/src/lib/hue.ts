/** A small, stable hash (FNV-1a, 32 bits): the same text looks the same on every machine. */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (const char of text) {
    value ^= char.codePointAt(0) ?? 0
    value = Math.imul(value, 0x01000193)
  }
  return value >>> 0
}

const GOLDEN_ANGLE = 137.508

/**
 * The hue, in degrees, that belongs to a character. Characters that were made one after another get hues far apart; a character that
 * has no id yet takes the hue of its name.
 */
export function hueOf(id: number | null, name: string): number {
  return Math.round(id === null ? hash(name) % 360 : (38 + id * GOLDEN_ANGLE) % 360)
}
