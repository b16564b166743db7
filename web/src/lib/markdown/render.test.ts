import { describe, expect, it } from 'vitest'
import { plainText } from './plain'
import { renderMarkdown } from './render'
import { StreamRenderer } from './stream'

const CORPUS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<svg/onload=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<a href="javascript:alert(1)">x</a>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](&#106;avascript:alert(1))',
  '[x](java\nscript:alert(1))',
  '[x](data:text/html;base64,PHNjcmlwdD4=)',
  '[x](vbscript:msgbox(1))',
  '[x](file:///etc/passwd)',
  '[x](/relative "onmouseover=alert(1)")',
  '![x](javascript:alert(1))',
  '![x](https://evil.example/pixel.png)',
  '![x](https://evil.example/" onerror="alert(1))',
  '<https://evil.example/"onclick="alert(1)>',
  '[x]: javascript:alert(1)\n\n[x]',
  '`<img src=x onerror=alert(1)>`',
  '```html\n<script>alert(1)</script>\n```',
  '```"><img src=x onerror=alert(1)>\ncode\n```',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
  '<form action="https://evil.example"><button>x</button></form>',
  '<input autofocus onfocus=alert(1)>',
  '<style>*{background:url(https://evil.example)}</style>',
  '<div style="background:url(https://evil.example)">x</div>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '<object data="javascript:alert(1)"></object>',
  '**<img src=x onerror=alert(1)>**',
  '| <img src=x onerror=alert(1)> |\n|-|\n| x |',
  '> <details open ontoggle=alert(1)>',
  '- [ ] <video><source onerror=alert(1)></video>',
  '\u0000<img src=x onerror=alert(1)>',
  '<<script>script>alert(1)<</script>/script>',
]

const ALLOWED = new Set(
  'a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre span strong table tbody td th thead tr ul'.split(
    ' ',
  ),
)
const ATTRIBUTES = new Set(['align', 'class', 'href', 'rel', 'start', 'target'])

function expectHarmless(html: string): void {
  const host = document.createElement('div')
  host.innerHTML = html
  for (const element of host.querySelectorAll('*')) {
    expect(ALLOWED).toContain(element.localName)
    for (const { name, value } of element.attributes) {
      expect(ATTRIBUTES).toContain(name)
      if (name === 'href') expect(value).toMatch(/^(https?:|mailto:)/)
    }
  }
}

describe('renderMarkdown', () => {
  it.each(CORPUS)('makes %j harmless, whole and at every point of its arrival', (source) => {
    expectHarmless(renderMarkdown(source))
    const renderer = new StreamRenderer()
    for (let end = 1; end <= source.length; end += 1) {
      expectHarmless(renderer.split(source.slice(0, end)).map(renderMarkdown).join(''))
    }
  })

  it('shows raw HTML as the text that it is', () => {
    expect(renderMarkdown('<b>굵게</b>')).toBe('<p>&lt;b&gt;굵게&lt;/b&gt;</p>\n')
  })

  it('emphasises before a Korean ending too', () => {
    expect(renderMarkdown('**"별"**이라고 *웃으며* 말했다')).toBe(
      '<p><strong>"별"</strong>이라고 <em>웃으며</em> 말했다</p>\n',
    )
  })

  it('leaves a single tilde alone', () => {
    expect(renderMarkdown('안녕~ 반가워~')).toBe('<p>안녕~ 반가워~</p>\n')
    expect(renderMarkdown('~~지움~~')).toBe('<p><del>지움</del></p>\n')
  })

  it('keeps the breaks of lines', () => {
    expect(renderMarkdown('하나\n둘')).toBe('<p>하나<br>둘</p>\n')
  })

  it('says where a link leads before its text', () => {
    const host = document.createElement('div')
    host.innerHTML = renderMarkdown('[여기](https://example.com/a)')
    expect(host.textContent?.trim()).toBe('example.com여기')
    expect(host.querySelector('a')?.rel).toBe('noopener noreferrer nofollow')
  })
})

describe('StreamRenderer', () => {
  const source = [
    '# 제목',
    '첫 문단, **굵은** 말과 *몸짓*.\n둘째 줄',
    '- 하나\n- 둘\n  - 셋',
    '1. 가\n2. 나',
    '> 인용\n> 둘째',
    '```js\nconst a = 1\n\nlet b\n```',
    '| 가 | 나 |\n|---|---|\n| 1 | 2 |',
    '마지막 [고리](https://example.com)와 `코드`.',
  ].join('\n\n')

  it.each([1, 3, 17, 200])('ends with the same HTML when the text comes in pieces of %i', (size) => {
    const renderer = new StreamRenderer()
    let html = ''
    for (let end = size; end < source.length + size; end += size) {
      html = renderer.split(source.slice(0, end)).map(renderMarkdown).join('')
    }
    expect(html).toBe(renderMarkdown(source))
  })

  it('closes what is still open', () => {
    expect(new StreamRenderer().split('말이 **굵어').map(renderMarkdown)).toEqual([
      '<p>말이 <strong>굵어</strong></p>\n',
    ])
  })

  it('starts over with another text', () => {
    const renderer = new StreamRenderer()
    renderer.split('가\n\n나\n\n다\n\n라')
    expect(renderer.split('새 글').map(renderMarkdown)).toEqual(['<p>새 글</p>\n'])
  })
})

describe('plainText', () => {
  it('drops the marks and keeps the words', () => {
    expect(plainText('# 제목\n\n- **하나** [고리](https://example.com)\n> 인용')).toBe('제목 하나 고리 인용')
  })
})
