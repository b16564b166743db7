/** A text without its Markdown marks: good enough to be read aloud or to stand in one line of a list. */
export function plainText(source: string): string {
  return source
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^\s{0,3}(?:#{1,6}|>|[-+*]|\d+\.)\s+/gm, '')
    .replace(/[*`]|~~|__/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}
