// fairlead exec: a command in a container, with our own streams.

import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { WebSocket } from 'ws'
import { pods } from '../../api/resources/pods.ts'
import { pathOf } from '../../api/resources/resource.ts'
import { frame, openChannels, parseStatus, unframe } from '../channels.ts'
import { ExitError } from '../errors.ts'
import { chooseContainer, findPod } from '../pods.ts'
import { inSession, type Session } from '../session.ts'

interface ExecOptions {
  container?: string
  stdin?: boolean
  tty?: boolean
}

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 }
/** From v5 on, the end of stdin can be said. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

/** Adds the verb. */
export function addExec(program: Command): void {
  program
    .command('exec <pod> [command...]')
    .description('run a command in a container: exec -it web -- sh')
    .option('-c, --container <name>', 'which container')
    .option('-i, --stdin', 'give it our standard input')
    .option('-t, --tty', 'give it a terminal')
    .action(
      inSession(async (session: Session, word: string, command: string[], options: ExecOptions) => {
        if (command.length === 0) throw new Error('you must specify at least one command for the container, after --')
        const pod = await findPod(session, word)
        const tty = options.tty === true && process.stdin.isTTY === true
        if (options.tty === true && !tty) process.stderr.write('Unable to use a TTY - input is not a terminal\n')
        const query = toQuery(chooseContainer(pod, options.container), command, { stdin: options.stdin === true, tty })
        const path = `${pathOf(pods, { ...pod.metadata, subresource: 'exec' })}?${query}`
        const socket = await openChannels(session.kubeconfig, path, protocols)
        await stream(socket, { stdin: options.stdin === true, tty })
      }),
    )
}

/** The query of the exec subresource. A terminal has no stderr of its own. */
function toQuery(
  container: string,
  command: string[],
  { stdin, tty }: { stdin: boolean; tty: boolean },
): URLSearchParams {
  const query = new URLSearchParams(command.map((part) => ['command', part]))
  query.set('container', container)
  query.set('stdout', 'true')
  query.set('stderr', String(!tty))
  query.set('stdin', String(stdin))
  query.set('tty', String(tty))
  return query
}

async function stream(socket: WebSocket, { stdin, tty }: { stdin: boolean; tty: boolean }): Promise<void> {
  const stopTerminal = tty ? startTerminal(socket) : () => {}
  if (stdin) void sendInput(socket)
  try {
    const status = await receive(socket)
    throwUnlessSuccess(status)
  } finally {
    stopTerminal()
    socket.terminate()
    process.stdin.unref?.()
    process.stdin.destroy()
  }
}

/** Every key goes to the container, also Ctrl-C; and so does the size of the window. */
function startTerminal(socket: WebSocket): () => void {
  const sendSize = () => {
    const size = { Width: process.stdout.columns, Height: process.stdout.rows }
    socket.send(frame(channels.resize, JSON.stringify(size)))
  }
  process.stdin.setRawMode(true)
  process.stdout.on('resize', sendSize)
  sendSize()
  return () => {
    process.stdout.off('resize', sendSize)
    process.stdin.setRawMode(false)
  }
}

async function sendInput(socket: WebSocket): Promise<void> {
  try {
    await pipeline(process.stdin, async (input: AsyncIterable<Buffer>) => {
      for await (const chunk of input) {
        await new Promise<void>((resolve, reject) =>
          socket.send(frame(channels.stdin, chunk), (error) => (error ? reject(error) : resolve())),
        )
      }
    })
    if (socket.protocol === 'v5.channel.k8s.io') socket.send(Buffer.of(channels.close, channels.stdin))
  } catch (error) {
    // The command ended before its input did: its exit code tells all.
    if (socket.readyState === socket.OPEN) throw error
  }
}

/** Prints what comes, until the server says how the command ended: the text of its Status. */
async function receive(socket: WebSocket): Promise<string> {
  return await new Promise((resolve, reject) => {
    let status: string | undefined
    socket.on('message', (message: Buffer) => {
      const { channel, data } = unframe(message)
      if (channel === channels.stdout) process.stdout.write(data)
      if (channel === channels.stderr) process.stderr.write(data)
      if (channel === channels.error) status = data.toString('utf8')
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (status === undefined) reject(new Error('the connection ended before the command did'))
      else resolve(status)
    })
    socket.resume()
  })
}

/** Throws the command's exit code, or why it could not be run. */
function throwUnlessSuccess(text: string): void {
  const status = parseStatus(text)
  if (status?.status === 'Success') return
  if (status?.reason !== 'NonZeroExitCode') throw new Error(status?.message ?? text)
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')
  const exitCode = Number(cause?.message ?? 1)
  throw new ExitError(exitCode, `command terminated with exit code ${exitCode}`)
}
