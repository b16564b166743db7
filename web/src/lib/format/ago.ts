const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400],
  ['month', 30 * 86_400],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** How long ago something was, in the largest unit that fits: "3 hours ago"; less than a minute is "now". */
export function ago(time: Date, now: Date, locale: string): string {
  const seconds = Math.max((now.getTime() - time.getTime()) / 1000, 0)
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const [unit, length] = STEPS.find((step) => seconds >= step[1]) ?? ['second', 1]
  return format.format(unit === 'second' ? 0 : -Math.floor(seconds / length), unit)
}
