/** Which group of the chat list a time belongs to. */
export type DayGroup = 'today' | 'yesterday' | 'week' | 'older'

const DAY = 86_400_000

function startOfDay(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime()
}

/** The group of `time`, seen from `now`, by the calendar of the reader's own zone. */
export function dayGroup(time: Date, now: Date): DayGroup {
  const days = Math.round((startOfDay(now) - startOfDay(time)) / DAY)
  if (days <= 0) return 'today'
  if (days === 1) return 'yesterday'
  return days < 7 ? 'week' : 'older'
}
