// fairlead net capture: one connection through a Service, seen at every hop.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Pod, Service } from '../../api/generated/types.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import {
  apply,
  execIn,
  fairlead,
  freshNamespace,
  getJson,
  kubectl,
  lab,
  service,
  startFairlead,
  testboxPod,
} from '../support/lab.ts'

const [near, far] = lab.nodes as [NodeLayout, NodeLayout]
let namespace: string
let folder: string
let serviceIp: string
let addresses: Record<'client' | 'web', string>

beforeAll(async () => {
  namespace = await freshNamespace('e2e-capture')
  folder = mkdtempSync(join(tmpdir(), 'fairlead-capture-'))
  await apply(
    testboxPod({ namespace, name: 'client', nodeName: near.name }),
    testboxPod({ namespace, name: 'web', nodeName: far.name }),
    service(namespace, 'web'),
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod', '--all', '--timeout=60s')
  serviceIp = (await getJson<Service>('service', '-n', namespace, 'web')).spec?.clusterIP ?? ''
  const ipOf = async (name: string) => (await getJson<Pod>('pod', '-n', namespace, name)).status?.podIP ?? ''
  addresses = { client: await ipOf('client'), web: await ipOf('web') }
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a capture to its end; the work begins once all hops see packets. Returns what it wrote to stdout. */
async function capture(args: string[], work: () => Promise<unknown>): Promise<string> {
  const { file, args: words, env } = startFairlead(['net', 'capture', '-n', namespace, ...args])
  const running = execa(file, words, { env })
  const begun = Promise.withResolvers<void>()
  running.stderr.on('data', (chunk) => String(chunk).includes('capturing') && begun.resolve())
  await Promise.race([begun.promise, running])
  await work()
  return String((await running).stdout)
}

const ask = async () => await execIn(namespace, 'client', 'curl', '-s', `http://${serviceIp}/hostname`)
/** Tells how many programs of captures run on the nodes. */
const running = async () =>
  (await execa('pgrep', ['-fc', `tcpdump.*--immediate-mode.*host ${addresses.client} `], { reject: false })).stdout

test('the first packet of a connection is seen at each hop in order, before and after its destination is translated', async () => {
  // Probes begin connections to the pod, too.
  const filter = `tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn and src host ${addresses.client}`
  const text = await capture(['service/web', 'client', '--filter', filter, '--count', '8'], ask)
  const seen = text
    .trim()
    .split('\n')
    .map((line) => line.slice('00:00:00.000000  '.length))
  const port = / 10\.[\d.]+:(\d+) > /.exec(text)?.[1]
  const before = `${addresses.client}:${port} > ${serviceIp}:80 TCP S  (${namespace}/client > svc ${namespace}/web)`
  const after = `${addresses.client}:${port} > ${addresses.web}:8080 TCP S  (${namespace}/client > ${namespace}/web)`
  const places = seen.map((line) => {
    const [where = '', ...what] = line.split(/ {2,}/)
    return [where.replace(/\bveth\w+/, 'veth'), what.join('  ')]
  })
  expect(places).toEqual([
    [`${near.name} ${namespace}/client eth0`, before],
    [`${near.name} veth ${namespace}/client`, before],
    // The rules of Services hang on bridged packets too: the bridge gets the packet from its port as they left it.
    [`${near.name} cbr0`, after],
    [`${near.name} eth0`, after],
    [`${far.name} eth0`, after],
    [`${far.name} cbr0`, after],
    [`${far.name} veth ${namespace}/web`, after],
    [`${far.name} ${namespace}/web eth0`, after],
  ])
})

test('a file names hops, pods and Services, and tcpdump reads it', async () => {
  const file = join(folder, 'web.pcapng')
  await capture(['service/web', 'client', '-w', file, '--duration', '3s'], ask)
  const text = execFileSync('tcpdump', ['-r', file, '-n'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  expect(text).toContain(`> ${serviceIp}.80: Flags [S]`)
  expect(text).toContain(`> ${addresses.web}.8080: Flags [S]`)
  const bytes = execFileSync('strings', [file], { encoding: 'utf8' })
  for (const word of [
    `${namespace}/web:eth0`,
    `${far.name}:cbr0`,
    `web.${namespace}.svc`,
    `${namespace}/client > svc ${namespace}/web`,
  ])
    expect(bytes).toContain(word)
})

test('what a capture started ends with it, and with its client', async () => {
  const { file, args, env } = startFairlead(['net', 'capture', '-n', namespace, 'client', '--duration', '5m'])
  const client = execa(file, args, { env, reject: false })
  await vi.waitFor(async () => expect(Number(await running())).toBeGreaterThan(0), { timeout: 10_000, interval: 100 })
  client.kill('SIGKILL')
  await vi.waitFor(async () => expect(await running()).toBe('0'), { timeout: 10_000, interval: 100 })
})

test('a filter that tcpdump cannot read, and a pod that is not there, are told of', async () => {
  const bad = await fairlead(['net', 'capture', '-n', namespace, 'client', '--filter', 'tcp prt 80'])
  expect(bad.exitCode).toBe(1)
  expect(bad.stderr).toContain("can't parse filter expression: syntax error")
  const missing = await fairlead(['net', 'capture', '-n', namespace, 'nobody'])
  expect(missing.stderr).toContain('pods "nobody" not found')
})
