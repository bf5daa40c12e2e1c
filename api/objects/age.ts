// Ages as kubectl writes them: two units while the first is small, one when it is not.

const secondsPerMinute = 60
const secondsPerHour = 3600
const secondsPerDay = 86_400

/** The time between two moments, such as 5s, 2m3s, 5h2m, 3d4h, 10d, 2y3d. A little in the future (clocks differ) counts as now. */
export function formatAge(fromMs: number, nowMs: number): string {
  const seconds = Math.trunc((nowMs - fromMs) / 1000)
  if (Number.isNaN(seconds) || seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 2 * secondsPerMinute) return `${seconds}s`
  if (seconds < 10 * secondsPerMinute) return twoUnits(seconds, secondsPerMinute, 'm', 1, 's')
  if (seconds < 3 * secondsPerHour) return `${Math.floor(seconds / secondsPerMinute)}m`
  if (seconds < 8 * secondsPerHour) return twoUnits(seconds, secondsPerHour, 'h', secondsPerMinute, 'm')
  if (seconds < 2 * secondsPerDay) return `${Math.floor(seconds / secondsPerHour)}h`
  if (seconds < 8 * secondsPerDay) return twoUnits(seconds, secondsPerDay, 'd', secondsPerHour, 'h')
  const days = Math.floor(seconds / secondsPerDay)
  if (days < 2 * 365) return `${days}d`
  return days < 8 * 365 ? twoUnits(days, 365, 'y', 1, 'd') : `${Math.floor(days / 365)}y`
}

function twoUnits(amount: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((amount % big) / small)
  return `${Math.floor(amount / big)}${bigUnit}${rest === 0 ? '' : `${rest}${smallUnit}`}`
}
