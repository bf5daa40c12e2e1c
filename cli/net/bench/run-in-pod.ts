// Runs one command in a pod and hands back what it wrote.

import { pods } from '../../../api/resources/pods.ts'
import { pathOf } from '../../../api/resources/resource.ts'
import { openChannels, parseStatus, unframe } from '../../channels.ts'
import type { Session } from '../../session.ts'

const channels = { stdout: 1, stderr: 2, error: 3 }

/** The command's stdout. Throws what it wrote to stderr when it failed, and the signal's reason when it aborts. */
export async function runInPod(
  { kubeconfig }: Pick<Session, 'kubeconfig'>,
  pod: { namespace: string; name: string },
  command: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted()
  const query = new URLSearchParams(command.map((part) => ['command', part]))
  query.set('stdout', 'true')
  query.set('stderr', 'true')
  const path = `${pathOf(pods, { ...pod, subresource: 'exec' })}?${query}`
  const socket = await openChannels(kubeconfig, path, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  const onAbort = () => socket.terminate()
  signal.addEventListener('abort', onAbort)
  const written: Record<number, Buffer[]> = { [channels.stdout]: [], [channels.stderr]: [], [channels.error]: [] }
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on('message', (message: Buffer) => {
        const { channel, data } = unframe(message)
        written[channel]?.push(data)
      })
      socket.on('error', reject)
      socket.on('close', () => resolve())
      socket.resume()
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.terminate()
  }
  signal.throwIfAborted()
  const textOf = (channel: number) => Buffer.concat(written[channel] ?? []).toString('utf8')
  const status = parseStatus(textOf(channels.error))
  if (status?.status === 'Success') return textOf(channels.stdout)
  const words = [textOf(channels.stderr), textOf(channels.stdout)]
    .map((text) => text.trim())
    .find((text) => text !== '')
  throw new Error(
    `${pod.name}: ${command[0]}: ${words ?? status?.message ?? 'the connection ended before the command did'}`,
  )
}
