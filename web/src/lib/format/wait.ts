/** When something opens again, in the coarsest words that are still right. Times are for the reader's own clock and calendar. */
export type Wait =
  | { kind: 'over' }
  | { kind: 'seconds' | 'minutes'; count: number }
  /** `midnight`: the day begins then, which has a name of its own. */
  | { kind: 'today' | 'tomorrow' | 'day'; at: Date; midnight: boolean }

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** How long it is from `now` to `until` (milliseconds since 1970): seconds up to a minute and a half, minutes up to an hour, then a time. */
export function waitOf(until: number, now: number): Wait {
  const left = until - now
  if (left <= 0) return { kind: 'over' }
  if (left < 1.5 * MINUTE) return { kind: 'seconds', count: Math.ceil(left / 1000) }
  if (left < HOUR) return { kind: 'minutes', count: Math.ceil(left / MINUTE) }
  // A reset at midnight may be told as the last moment before it.
  const at = new Date(Math.ceil(until / 1000) * 1000)
  const midnight = at.getHours() === 0 && at.getMinutes() === 0
  const days = calendarDay(at) - calendarDay(new Date(now))
  return { kind: days === 0 ? 'today' : days === 1 ? 'tomorrow' : 'day', at, midnight }
}

/** Number of the day in the reader's calendar; unlike milliseconds it is not upset by a change to summer time. */
function calendarDay(time: Date): number {
  return Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) / 86_400_000
}
