/** What a browser says about itself, as far as a person recognises it. Empty where nothing is known. */
export interface Agent {
  browser: string
  system: string
  isPhone: boolean
}

// The order counts: each says the names of those after it too.
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bWhale\//, 'Whale'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bOPR\//, 'Opera'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Headless)?(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
]
const SYSTEMS: readonly [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

export function agentOf(userAgent: string | null): Agent {
  const text = userAgent ?? ''
  const find = (table: readonly [RegExp, string][]) =>
    table.find(([pattern]) => pattern.test(text))?.[1] ?? ''
  return {
    browser: find(BROWSERS),
    system: find(SYSTEMS),
    isPhone: /\bMobi|\biPhone\b|\bAndroid\b/.test(text),
  }
}
