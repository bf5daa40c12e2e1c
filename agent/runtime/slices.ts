// Cgroups as systemd lays them out. A slice's name holds its whole path, with dashes between the levels, so that a level's own
// name cannot have any: https://www.freedesktop.org/software/systemd/man/latest/systemd.slice.html

/** The name of the slice that stands for a path of cgroups: "/kubepods/burstable" is "kubepods-burstable.slice". */
export function toSliceName(path: string): string {
  return `${levelsOf(path).join('-')}.slice`
}

/** Where that slice lies: "/kubepods.slice/kubepods-burstable.slice". */
export function toSlicePath(path: string): string {
  const levels = levelsOf(path)
  return levels.map((_, at) => `/${levels.slice(0, at + 1).join('-')}.slice`).join('')
}

function levelsOf(path: string): string[] {
  const levels = path.split('/').filter((level) => level !== '')
  return levels.map((level) => level.replaceAll('-', '_'))
}
