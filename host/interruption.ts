// What ends a command before its time: Ctrl-C, `kill`, a lost session of ssh.

import { keepProgramsApart } from '../cni/linux/exec.ts'
import { Refusal } from './failure.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs `act` with a signal that any of these aborts. None of them ends the process before `act` has ended, nor a program that it
 * has started, so that it can take back what it did, also when nobody is there to read any more.
 */
export async function withInterruption<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController()
  const stop = () => interrupted.abort(new Refusal('interrupted'))
  using _ = keepProgramsApart()
  for (const name of signals) process.on(name, stop)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreLostTerminal)
  try {
    return await act(interrupted.signal)
  } finally {
    for (const name of signals) process.off(name, stop)
  }
}

/** Writing to a terminal that is gone fails with EIO, which would end the process. */
const ignoreLostTerminal = () => undefined
