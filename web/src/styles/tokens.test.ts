// @vitest-environment node
import { describe, expect, it } from 'vitest'
import css from './tokens.css?raw'

type Rgb = [number, number, number]

/** The tokens of the blocks that begin with one of these selectors. */
function tokensOf(...selectors: string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [, selector = '', body = ''] of css.matchAll(/([^{}]+)\{([^{}]*)\}/g)) {
    const first = selector.replace(/\/\*[^]*?\*\//g, '').trim()
    if (!selectors.includes(first)) continue
    for (const [, name = '', value = ''] of body.matchAll(/--([\w-]+):\s*([^;]+);/g)) found[name] = value
  }
  return found
}
const light = tokensOf(':root', ':root,\n[data-hue]')
const dark = { ...light, ...tokensOf('.dark', '.dark,\n.dark [data-hue]') }

/** OKLCH to linear sRGB, out-of-gamut channels cut off the way a screen does. */
function linear(color: string, hue: number): Rgb {
  const [l = 0, c = 0, h = 0] = (/oklch\(([^)]*)\)/.exec(color.replace('var(--hue)', String(hue)))?.[1] ?? '')
    .split(' ')
    .map(Number)
  const a = c * Math.cos((h * Math.PI) / 180)
  const b = c * Math.sin((h * Math.PI) / 180)
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const medium = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3
  const rgb: Rgb = [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ]
  return rgb.map((channel) => Math.min(Math.max(channel, 0), 1)) as Rgb
}

function contrast(one: Rgb, other: Rgb): number {
  const [high = 0, low = 0] = [one, other]
    .map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b)
    .sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

const TEXT: [string, string[]][] = [
  ['ink', ['canvas', 'surface', 'raised', 'sunken', 'accent-soft']],
  ['ink-2', ['canvas', 'surface', 'raised', 'sunken', 'accent-soft']],
  ['ink-3', ['canvas', 'surface', 'raised', 'sunken']],
  ['accent-ink', ['accent']],
  ['accent-text', ['canvas', 'surface', 'raised', 'accent-soft']],
  ['danger', ['canvas', 'surface', 'raised', 'danger-soft']],
  ['warn', ['canvas', 'raised', 'warn-soft']],
  ['ok', ['ok-soft']],
  ['info', ['info-soft']],
]

describe.each([
  ['light', light],
  ['dark', dark],
])('colours, %s', (_name, tokens) => {
  it.each(TEXT)('%s can be read on %j at every hue', (text, grounds) => {
    for (const ground of grounds) {
      for (let hue = 0; hue < 360; hue += 1) {
        const ratio = contrast(linear(tokens[text] ?? '', hue), linear(tokens[ground] ?? '', hue))
        expect(ratio, `${text} on ${ground}, hue ${hue}`).toBeGreaterThanOrEqual(4.5)
      }
    }
  })

  it('borders of controls and the focus ring can be seen', () => {
    for (const ground of ['canvas', 'surface', 'raised']) {
      for (const line of ['line-strong', 'focus']) {
        const ratio = contrast(linear(tokens[line] ?? '', 0), linear(tokens[ground] ?? '', 0))
        expect(ratio, `${line} on ${ground}`).toBeGreaterThanOrEqual(3)
      }
    }
  })
})
