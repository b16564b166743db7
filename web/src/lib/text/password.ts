/** What can be said of a password without a dictionary. The server has one and decides. */
export interface PasswordHints {
  longEnough: boolean
  /** It contains none of the person's own names. */
  withoutNames: boolean
  /** It is more than one sign, a row of neighbours on the keyboard or in the alphabet, or a short piece again and again. */
  varied: boolean
}

const NAME_MIN = 3
const PIECE_MAX = 4
/** The share of steps to a neighbour from which on a password is a row. */
const ROW_SHARE = 0.6
const ROWS = [
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ',
  'ㅁㄴㅇㄹㅎㅗㅓㅏㅣ',
  'ㅋㅌㅊㅍㅠㅜㅡ',
]

export function passwordHints(password: string, names: readonly string[], min: number): PasswordHints {
  const signs = [...password.normalize('NFKC')]
  const folded = signs.join('').toLowerCase()
  const own = names
    .flatMap((name) => [name, name.split('@')[0] ?? ''])
    .map((name) => name.normalize('NFKC').toLowerCase().trim())
    .filter((name) => [...name].length >= NAME_MIN)
  return {
    longEnough: signs.length >= min,
    withoutNames: !own.some((name) => folded.includes(name)),
    varied: signs.length > 0 && !isRepeated(folded) && !isRow([...folded]),
  }
}

/** `aaaa…`, `abababab…`, `1234 1234 …` */
function isRepeated(text: string): boolean {
  for (let size = 1; size <= PIECE_MAX && size * 2 <= text.length; size += 1) {
    const piece = text.slice(0, size)
    if (text === piece.repeat(Math.ceil(text.length / size)).slice(0, text.length)) return true
  }
  return false
}

/** `12345…`, `qwerty…`, `fedcba…` */
function isRow(signs: readonly string[]): boolean {
  const steps = signs.slice(1).filter((sign, index) => areNeighbours(signs[index] ?? '', sign)).length
  return signs.length > PIECE_MAX && steps >= (signs.length - 1) * ROW_SHARE
}

function areNeighbours(one: string, other: string): boolean {
  if (Math.abs((one.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0)) === 1) return true
  return ROWS.some(
    (row) =>
      Math.abs(row.indexOf(one) - row.indexOf(other)) === 1 && row.includes(one) && row.includes(other),
  )
}
