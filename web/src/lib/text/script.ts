/** Whether a text is written in Hangul, at least in part. */
export function hasHangul(text: string): boolean {
  return /\p{Script=Hangul}/u.test(text)
}
