import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { NodeNet } from './node-net.ts'

test('a pod that goes while it is looked at does not hide the others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-pictures-'))
  const nsenter = join(folder, 'nsenter')
  // The other pod is played by this host.
  writeFileSync(
    nsenter,
    `#!/bin/bash\ncase "$1" in --net=/proc/1/*) echo "cannot open $1" >&2; exit 1;; esac\nshift; exec "$@"\n`,
  )
  chmodSync(nsenter, 0o755)
  vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`)
  const sandboxes = ['gone', 'here'].map((name, at) => ({
    id: name,
    pod: { namespace: 'default', name, uid: name },
    attempt: 0,
    state: 'ready' as const,
    network: 'pod' as const,
    createdAtMs: 0,
    pid: at + 1,
  }))
  const errors: unknown[] = []
  const net = new NodeNet({
    nodeName: 'node-1',
    runtime: { listSandboxes: async () => sandboxes },
    parts: {},
    onError: (error) => errors.push(error),
  })
  const states = await net.states(
    new URLSearchParams([
      ['node', 'false'],
      ['pod', '*'],
    ]),
  )
  expect(states.map(({ place }) => place.pod)).toEqual(['default/here'])
  expect(String(errors)).toMatch('cannot open --net=/proc/1/ns/net')
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})
