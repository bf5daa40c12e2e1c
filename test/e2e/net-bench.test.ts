// fairlead net bench: it measures, and leaves nothing behind, however it ends.

import { execa } from 'execa'
import { afterEach, expect, test, vi } from 'vitest'
import type { NodeLayout } from '../../lab/layout.ts'
import { apply, fairlead, kubectl, lab, startFairlead, tryKubectl } from '../support/lab.ts'

const namespace = 'fairlead-net-bench'
const [near, far] = lab.nodes as [NodeLayout, NodeLayout]

afterEach(async () => await kubectl('delete', 'namespace', namespace, '--ignore-not-found'))

const isThere = async () => (await tryKubectl(['get', 'namespace', namespace])).exitCode === 0

test('every pair of nodes is measured, to the pod and to its Service, by IPv6 too', async () => {
  const bench = async (...words: string[]) => {
    const { stdout } = await fairlead(['net', 'bench', ...words, '--duration', '1s', '--rounds', '20', '-o', 'json'])
    return JSON.parse(stdout)
  }
  const measures = await bench(near.name, far.name)
  const pairs = [near.name, far.name].flatMap((from) => [near.name, far.name].map((to) => [from, to]))
  expect(measures.map(({ from, to, via }: Record<string, string>) => `${from} ${to} ${via}`)).toEqual(
    pairs.flatMap(([from, to]) => ['pod', 'service'].map((via) => `${from} ${to} ${via}`)),
  )
  for (const { throughput, latency } of [...measures, ...(await bench('-6', far.name))]) {
    expect(throughput.megabitsPerSecond).toBeGreaterThan(10)
    expect(latency.requestP50).toBeGreaterThan(0)
    expect(latency.requestP99).toBeGreaterThanOrEqual(latency.requestP50)
    expect(latency.connectP50).toBeGreaterThan(0)
  }
  expect(await isThere()).toBe(false)
})

test('interrupted, it takes its pods along; killed, the next one does', async () => {
  const start = () => {
    const { file, args, env } = startFairlead(['net', 'bench', near.name, '--duration', '30s'])
    const running = execa(file, args, { env, reject: false })
    const measuring = new Promise<void>((resolve) =>
      running.stderr.on('data', (chunk) => String(chunk).includes('1 of 2') && resolve()),
    )
    return { running, measuring }
  }
  const first = start()
  await first.measuring
  first.running.kill('SIGKILL')
  await first.running
  expect(await isThere()).toBe(true)
  const second = start()
  await second.measuring
  second.running.kill('SIGINT')
  expect((await second.running).exitCode).toBe(1)
  await vi.waitFor(async () => expect(await isThere()).toBe(false))
})

test("a namespace of that name that is somebody else's is left alone", async () => {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const { exitCode, stderr } = await fairlead(['net', 'bench', near.name])
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`namespace ${namespace} is not of a bench`)])
  expect(await isThere()).toBe(true)
})
