// How a cgroup is named to Docker, by the driver that it uses.

/**
 * cgroupfs takes the path. systemd takes the name of a slice, in which dashes are the levels and so cannot be in a level's
 * own name: https://www.freedesktop.org/software/systemd/man/latest/systemd.slice.html
 */
export function toCgroupParent(path: string, driver: 'cgroupfs' | 'systemd'): string {
  if (driver === 'cgroupfs') return path
  const levels = path.split('/').filter((level) => level !== '')
  return `${levels.map((level) => level.replaceAll('-', '_')).join('-')}.slice`
}
