// The only door to tcpdump: sees packets of one link, as a stream in the pcap format.

import { CommandError, type Running, type RunOptions, run, start } from './exec.ts'

type Where = Pick<RunOptions, 'netns'>

export interface CaptureOptions {
  device: string
  /** In the language of pcap-filter(7); "" for everything. */
  filter: string
  snaplen: number
  durationMs: number
}

/** Ends by itself after its time, even if whoever started it is gone. The pcap header comes once packets are being seen. */
export function startTcpdump({ device, filter, snaplen, durationMs }: CaptureOptions, where: Where = {}): Running {
  const output = ['-w', '-', '-U', '--immediate-mode', '--time-stamp-precision=nano', '-s', String(snaplen)]
  const time = ['--signal=INT', `${Math.max(1, durationMs) / 1000}s`]
  return start('timeout', [...time, 'tcpdump', '-n', '-B', '4096', '-i', device, ...output, '--', filter], where)
}

/** tcpdump's words when it cannot read the filter, else undefined. */
export async function explainBadFilter(filter: string): Promise<string | undefined> {
  try {
    await run('tcpdump', ['-d', '-y', 'EN10MB', '--', filter])
    return undefined
  } catch (error) {
    if (error instanceof CommandError && error.exitCode === 1) return error.stderr.replace(/^tcpdump: /, '').trim()
    throw error
  }
}
