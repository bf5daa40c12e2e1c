import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { SendRequest } from '../../api/net/probe.ts'
import type { Flow } from '../../api/net/trace.ts'
import { Probes } from './probes.ts'

const onError = (error: unknown) => {
  throw error
}
const probes = new Probes({ nodeName: 'node-1', runtime: { listSandboxes: async () => [] }, onError })
const flow: Flow = { protocol: 'udp', destination: '127.0.0.1', port: 9, sourcePort: 0 }
const program = `process.stdout.write('{"outcome":"answered","detail":"anything"}')`

test.each([
  [{ protocol: `--eval=${program}` }, 'flow: bad protocol'],
  [{ protocol: 'icmp', destination: '-h' }, 'flow: bad address'],
  [{ destination: 'localhost' }, 'flow: bad address'],
  [{ destination: 'fe80::1%eth0' }, 'flow: bad address'],
  [{ destination: ['127.0.0.1'] }, 'flow: bad address'],
  [{ port: '9' }, 'flow: bad port'],
  [{ sourcePort: 65_536 }, 'flow: bad port'],
])('no packet is sent for what is no flow, and no program is given it: %j', async (more, reason) => {
  await expect(probes.send({ flow: { ...flow, ...more } as Flow, timeoutMs: 100 })).rejects.toThrow(reason)
})

test.each([undefined, Number.NaN, 0, '1'])('how long to wait is a number: %s', async (timeoutMs) => {
  await expect(probes.send({ flow, timeoutMs } as SendRequest)).rejects.toThrow('timeoutMs: must be more than 0')
})

test('a packet that nobody takes is refused', async () => {
  expect(await probes.send({ flow, timeoutMs: 5_000 })).toEqual({ outcome: 'refused', detail: 'ECONNREFUSED' })
})

test('a pod that goes while it is watched does not hide what was seen elsewhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-probes-'))
  const play = (program: string, script: string) => {
    writeFileSync(join(folder, program), `#!/bin/bash\n${script}\n`)
    chmodSync(join(folder, program), 0o755)
  }
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`)
  const rule = { chain: 'input-entered', expr: [{ counter: { packets: 1 } }] }
  play('nft', `cat >/dev/null; echo '${JSON.stringify({ nftables: [{ rule }] })}'`)
  play('nsenter', 'shift; exec "$@"')
  const sandbox = {
    id: 'web',
    pod: { namespace: 'default', name: 'web', uid: 'web' },
    attempt: 0,
    state: 'ready' as const,
    network: 'pod' as const,
    createdAtMs: 0,
    pid: 1,
  }
  const errors: unknown[] = []
  const watching = new Probes({
    nodeName: 'node-1',
    runtime: { listSandboxes: async () => [sandbox] },
    onError: (error) => errors.push(error),
  })
  await watching.watch({ id: 'x', mark: 1, pods: ['default/web'] })
  play('nsenter', 'echo "nsenter: cannot open /proc/1/ns/net: No such file or directory" >&2; exit 1')
  const { seen } = await watching.seen('x')
  expect(seen.filter(({ entered }) => entered > 0)).toMatchObject([{ place: { node: 'node-1' }, hook: 'input' }])
  expect(seen.some(({ place }) => place.pod !== undefined)).toBe(false)
  expect(errors).toHaveLength(1)
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})
