// What passes a link while something is done, as tcpdump prints it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { Host } from './namespaces.ts'

/** A packet each line, in tcpdump's words: both the outer and the inner one of a tunnel, with hardware addresses. */
export async function capture(
  host: Host,
  link: string,
  filter: string,
  work: () => Promise<void>,
  { verbose = false }: { verbose?: boolean } = {},
): Promise<string[]> {
  const args = ['-i', link, '-n', '-e', '-l', '--immediate-mode', ...(verbose ? ['-vv'] : []), ...filter.split(' ')]
  const tcpdump = spawn('nsenter', [`--net=${host.netns}`, 'tcpdump', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  tcpdump.stdout.on('data', (chunk) => {
    text += String(chunk)
  })
  for await (const chunk of tcpdump.stderr.iterator({ destroyOnReturn: false }))
    if (String(chunk).includes('listening')) break
  tcpdump.stderr.resume()
  try {
    await work()
    // The last packet is on its way from the kernel to tcpdump.
    await pause(200)
  } finally {
    tcpdump.kill('SIGINT')
    await once(tcpdump, 'close')
  }
  return text.split('\n').filter((line) => line.trim() !== '')
}
