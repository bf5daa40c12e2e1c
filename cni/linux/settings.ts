// Reads kernel settings and listening sockets of a namespace.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

/** Settings whose dotted names match the pattern, by their names below /proc/sys. */
export async function readSettings(pattern: string, where: Where = {}): Promise<Record<string, string>> {
  const text = await run('sysctl', ['-a', '-r', pattern], where)
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [name, value] = line.split(' = ')
      return name === undefined || value === undefined ? [] : [[toPath(name), value.trim()]]
    }),
  )
}

/** sysctl writes dots for slashes, and slashes for the dots of names such as eth0.5. */
function toPath(name: string): string {
  return name.replaceAll(/[./]/g, (character) => (character === '.' ? '/' : '.'))
}

/** Sockets that wait for connections or datagrams. The address "*" takes both families. */
export async function listSockets(
  where: Where = {},
): Promise<{ protocol: 'tcp' | 'udp'; address: string; port: number }[]> {
  const text = await run('ss', ['-Hlntu'], where)
  return text.split('\n').flatMap((line) => {
    const [protocol, , , , local = ''] = line.trim().split(/\s+/)
    const match = /^\[?([^\]%]*)(?:%[^\]:]*)?\]?:(\d+)$/.exec(local)
    if ((protocol !== 'tcp' && protocol !== 'udp') || match === null) return []
    return [{ protocol, address: match[1] ?? '', port: Number(match[2]) }]
  })
}
