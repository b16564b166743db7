/** Pairs of Korean particles: the form after a final consonant, then the form after a vowel. */
export type JosaPair = '은/는' | '이/가' | '을/를' | '과/와' | '아/야' | '이랑/랑' | '으로/로' | '이에요/예요'

const HANGUL_FIRST = 0xac00
const HANGUL_LAST = 0xd7a3
const RIEUL = 8

// How the last letter or digit is said aloud in Korean: the number of its final consonant, 0 for none.
const DIGIT_FINALS: Record<string, number> = {
  '0': 21,
  '1': RIEUL,
  '2': 0,
  '3': 16,
  '4': 0,
  '5': 0,
  '6': 1,
  '7': RIEUL,
  '8': RIEUL,
  '9': 0,
}
const LETTER_FINALS: Record<string, number> = { l: RIEUL, m: 16, n: 4, r: RIEUL }

/** Number of the final consonant of the last sounded character: 0 for none, `null` when nobody can tell. */
function finalConsonant(text: string): number | null {
  const sounded = text.normalize('NFC').replace(/[^\p{L}\p{N}]+$/gu, '')
  const last = [...sounded].at(-1)?.toLowerCase()
  if (last === undefined) return null
  const code = last.codePointAt(0) ?? 0
  if (code >= HANGUL_FIRST && code <= HANGUL_LAST) return (code - HANGUL_FIRST) % 28
  if (last in DIGIT_FINALS) return DIGIT_FINALS[last] ?? null
  if (!/[a-z]/.test(last)) return null
  return endOfWord(sounded.toLowerCase(), last)
}

/** A single letter is named (엘, 엠, 엔, 아르); a word is read, and most consonants that end one become a final consonant. */
function endOfWord(text: string, last: string): number {
  const word = /[a-z]+$/.exec(text)?.[0] ?? last
  if (word.length === 1 || last in LETTER_FINALS) return LETTER_FINALS[last] ?? 0
  if (/ng$/.test(word)) return 21
  return /[bckpt]$/.test(word) ? 1 : 0
}

/**
 * The text with the particle that fits its last sound: `josa('솔', '과/와')` is `솔과`. When nobody can tell (a symbol, another script),
 * both forms are given, the way Korean forms are printed: `…은(는)`.
 */
export function josa(text: string, pair: JosaPair): string {
  const [closed = '', open = ''] = pair.split('/')
  const final = finalConsonant(text)
  if (final === null) return `${text}${closed}(${open})`
  // 으로/로 counts ㄹ as a vowel: 서울로.
  const isOpen = final === 0 || (pair === '으로/로' && final === RIEUL)
  return text + (isOpen ? open : closed)
}
