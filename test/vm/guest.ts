// Commands and files in the guest, by ssh. One connection is kept and shared: a handshake takes a second under emulation.

import { execa } from 'execa'
import { waitFor } from '../../host/progress.ts'

const bootId = 'cat /proc/sys/kernel/random/boot_id'

export interface GuestAddress {
  port: number
  sshKey: string
  /** Socket of the shared connection. */
  controlPath: string
}

export interface GuestRun {
  exitCode: number
  /** stdout and stderr, as they came. */
  output: string
}

export class Guest {
  readonly #options: string[]

  constructor({ port, sshKey, controlPath }: GuestAddress) {
    this.#options = [
      ...['-F', 'none', '-i', sshKey, '-p', String(port), '-l', 'root', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
      // The guest is new at each boot, and only reached on loopback.
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'ConnectTimeout=10'],
      ...['-o', 'ControlMaster=auto', '-o', `ControlPath=${controlPath}`, '-o', 'ControlPersist=60'],
      // A guest whose kernel has panicked says nothing any more.
      ...['-o', 'ServerAliveInterval=20', '-o', 'ServerAliveCountMax=6'],
      '127.0.0.1',
    ]
  }

  /** Runs a shell command and returns its stdout. Throws when it fails. */
  async run(command: string): Promise<string> {
    const { stdout } = await execa('ssh', [...this.#options, command], { stdin: 'ignore' })
    return stdout
  }

  /** Runs a shell command to its end, whatever that is; each line of its output is handed on as it comes. */
  async follow(command: string, onLine: (line: string) => void): Promise<GuestRun> {
    const child = execa('ssh', [...this.#options, command], { stdin: 'ignore', all: true, reject: false })
    const lines: string[] = []
    for await (const line of child.iterable({ from: 'all' })) {
      lines.push(line)
      onLine(line)
    }
    const { exitCode = 255 } = await child
    return { exitCode, output: lines.join('\n') }
  }

  /** Writes a file of the host into the guest. */
  async copy(file: string, target: string): Promise<void> {
    const receive = `mkdir -p $(dirname ${target}) && cat > ${target}`
    await execa('ssh', [...this.#options, receive], { inputFile: file })
  }

  /** Starts the guest anew, in order, and waits until it has: services are still starting then. */
  async reboot(): Promise<void> {
    const before = await this.run(bootId)
    await this.run('systemctl reboot')
    await this.close()
    await waitFor('ssh into the guest after its reboot', 300_000, async () =>
      (await this.run(bootId)) === before ? undefined : true,
    )
  }

  /** Ends the shared connection. */
  async close(): Promise<void> {
    await execa('ssh', ['-O', 'exit', ...this.#options], { reject: false })
  }
}
