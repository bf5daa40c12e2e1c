// The only door to ss: sockets of a namespace.

import { type RunOptions, run } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

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
