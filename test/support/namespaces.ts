// Network namespaces for kernel tests: hosts without processes, joined by veth pairs. Names begin with a prefix of the test
// file's own, by which leftovers of an earlier killed run are found and removed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { run } from '../../cni/linux/exec.ts'

export interface Host {
  name: string
  /** Path of its network namespace. */
  netns: string
}

/** Path of a named namespace. */
function netnsPath(name: string): string {
  return `/run/netns/${name}`
}

/** All hosts of one test file. */
export class TestNetwork {
  readonly #prefix: string
  readonly #processes: ChildProcess[] = []

  private constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Removes what an earlier run of the same topic left, and starts anew. The topic is short: it goes into names. */
  static async create(topic: string): Promise<TestNetwork> {
    const network = new TestNetwork(`fl-test-${topic}-`)
    await network.#removeNamespaces()
    return network
  }

  async addHost(name: string): Promise<Host> {
    const full = this.#prefix + name
    await run('ip', ['netns', 'add', full])
    const host = { name: full, netns: netnsPath(full) }
    await run('ip', ['link', 'set', 'lo', 'up'], host)
    return host
  }

  /** Joins two hosts by a cable; each end gets its address (with prefix length). */
  async connect(a: Host, aLink: string, aAddress: string, b: Host, bLink: string, bAddress: string): Promise<void> {
    await run('ip', ['-batch', '-'], {
      ...a,
      input: `link add ${aLink} type veth peer name ${bLink} netns ${b.name}\naddr add ${aAddress} dev ${aLink}\nlink set ${aLink} up\n`,
    })
    await run('ip', ['-batch', '-'], { ...b, input: `addr add ${bAddress} dev ${bLink}\nlink set ${bLink} up\n` })
  }

  /** Runs `ip` with these words in the host. */
  async ip(host: Host, words: string): Promise<string> {
    return await run('ip', words.split(' '), host)
  }

  /** Answers every TCP connection or UDP datagram to the port with the text and the caller's address. tcp6 is TCP over IPv6. */
  async serve(host: Host, protocol: 'tcp' | 'tcp6' | 'udp', port: number, text: string): Promise<void> {
    const listen = { tcp: 'TCP-LISTEN', tcp6: 'TCP6-LISTEN', udp: 'UDP-LISTEN' }[protocol]
    const reply =
      protocol === 'udp' ? `head -n 1 >/dev/null; echo ${text} $SOCAT_PEERADDR` : `echo ${text} $SOCAT_PEERADDR`
    const server = spawn(
      'nsenter',
      [`--net=${host.netns}`, 'socat', `${listen}:${port},fork,reuseaddr`, `SYSTEM:${reply}`],
      { stdio: 'ignore', detached: true },
    )
    await once(server, 'spawn')
    this.#processes.push(server)
    const family = protocol === 'udp' ? '-lun' : '-ltn'
    while (!(await run('ss', [family], host)).includes(`:${port} `))
      await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** Starts a program that runs until close(), if it is not ended before; returns once it has printed the word. */
  async start(host: Host, program: string, args: readonly string[], readyWord: string): Promise<ChildProcess> {
    const server = spawn('nsenter', [`--net=${host.netns}`, program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    this.#processes.push(server)
    for await (const chunk of server.stdout.iterator({ destroyOnReturn: false })) {
      if (!String(chunk).includes(readyWord)) continue
      // Whatever it says later is not kept, and never blocks it.
      server.stdout.resume()
      return server
    }
    throw new Error(`${program} ended before it said "${readyWord}"`)
  }

  /** What a new TCP connection is answered, or "" when it is refused or lost. */
  async askTcp(from: Host, address: string, port: number): Promise<string> {
    const answer = await run('socat', ['-T2', '-', `TCP:${address}:${port},connect-timeout=2`], {
      ...from,
      input: '',
    }).catch(() => '')
    return answer.trim()
  }

  /** Ends all servers and removes all hosts. */
  async close(): Promise<void> {
    for (const { pid, exitCode, signalCode } of this.#processes)
      if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
    await this.#removeNamespaces()
  }

  async #removeNamespaces(): Promise<void> {
    const names = (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '')
    for (const name of names.filter((each) => each.startsWith(this.#prefix))) await run('ip', ['netns', 'delete', name])
  }
}
