import DOMPurify from 'dompurify'
import { Marked, type Tokens } from 'marked'

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Makes text safe to stand in HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char)
}

/** The address a link may lead to, or `null` for anything but http, https and mailto. */
function safeHref(href: string): URL | null {
  const url = URL.canParse(href) ? new URL(href) : null
  return url && ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : null
}

function link(href: string, html: string, text: string): string {
  const url = safeHref(href)
  if (!url) return html
  // Where a link leads is said before it is followed, unless its text says it already.
  const says = url.host === '' || text.includes(url.host)
  const host = says ? '' : `<span class="link-host">${escapeHtml(url.host)}</span>`
  return `${host}<a href="${escapeHtml(url.href)}" target="_blank" rel="noopener noreferrer nofollow">${html}</a>`
}

// Emphasis right before a Korean ending (**"별"**이라고) is not emphasis by the letter of CommonMark; people and models write it all the time.
const STRONG = /^\*\*(?![\s*])([^*\n]*[^\s*])\*\*(?!\*)/
const EM = /^\*(?![\s*])([^*\n]*[^\s*])\*(?!\*)/

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  tokenizer: {
    emStrong(src) {
      const strong = STRONG.exec(src)
      if (strong?.[1]) {
        return { type: 'strong', raw: strong[0], text: strong[1], tokens: this.lexer.inlineTokens(strong[1]) }
      }
      const em = EM.exec(src)
      if (em?.[1]) return { type: 'em', raw: em[0], text: em[1], tokens: this.lexer.inlineTokens(em[1]) }
      return false
    },
    // A single tilde lengthens a vowel in Korean (안녕~); only two of them strike through.
    del(src) {
      return /^~~(?!~)/.test(src) ? false : undefined
    },
  },
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
    image: ({ href, text }: Tokens.Image) => link(href, escapeHtml(text || href), text),
    link({ href, text, tokens }: Tokens.Link) {
      return link(href, this.parser.parseInline(tokens), text)
    },
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
  },
})

const ALLOWED_TAGS = [
  'a',
  'blockquote',
  'br',
  'code',
  'del',
  'em',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'hr',
  'li',
  'ol',
  'p',
  'pre',
  'span',
  'strong',
  'table',
  'tbody',
  'td',
  'th',
  'thead',
  'tr',
  'ul',
]

function sanitize(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS,
    ALLOWED_ATTR: ['align', 'class', 'href', 'rel', 'start', 'target'],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    ADD_URI_SAFE_ATTR: ['align', 'class', 'rel', 'start', 'target'],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  })
}

const CACHE_SIZE = 600
const cache = new Map<string, string>()

/** Markdown of a finished text as safe HTML. The last 600 results are remembered. */
export function renderMarkdown(source: string): string {
  const known = cache.get(source)
  if (known !== undefined) {
    cache.delete(source)
    cache.set(source, known)
    return known
  }
  const html = sanitize(marked.parse(source) as string)
  cache.set(source, html)
  if (cache.size > CACHE_SIZE) {
    const oldest = cache.keys().next()
    if (!oldest.done) cache.delete(oldest.value)
  }
  return html
}

/** The source of each top-level block, in order; joined they are the whole text. */
export function splitBlocks(source: string): string[] {
  const blocks: string[] = []
  for (const token of marked.lexer(source)) {
    if (token.type === 'space' && blocks.length > 0) blocks.push((blocks.pop() ?? '') + token.raw)
    else blocks.push(token.raw)
  }
  return blocks
}
