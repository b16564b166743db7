/** The text as the server will store it: NFC, without white space around it. */
export function normalize(text: string): string {
  return text.normalize('NFC').trim()
}

/** Length of a text in Unicode code points after {@link normalize}: the unit in which the server counts. */
export function countCodePoints(text: string): number {
  let count = 0
  for (const _ of normalize(text)) count += 1
  return count
}

/** Whether nothing visible is left: only white space, joiners and other characters without a shape. */
export function isBlank(text: string): boolean {
  return text.replace(/[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cc}]/gu, '') === ''
}
