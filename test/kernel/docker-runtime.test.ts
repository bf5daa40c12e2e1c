// DockerRuntime on a real daemon: the cases of every runtime, and what only Docker can get wrong.

import { once } from 'node:events'
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DockerRuntime } from '../../agent/docker/docker-runtime.ts'
import { readLowestOomScoreAdj } from '../../agent/docker/oom-score.ts'
import { makeContainerSpec, makeSandboxSpec, testRuntime } from '../../agent/runtime/runtime.cases.ts'
import type { Container, ContainerSpec, SandboxSpec } from '../../agent/runtime/runtime.ts'
import { pauseArchive, startDockerd, type TestDockerd, testboxArchive } from '../support/docker.ts'

const image = 'fairlead/testbox:1'
const hostDirectory = '/var/tmp/fl-test-docker-mounts'
let dockerd: TestDockerd
let runtime: DockerRuntime
let imageId: string

beforeAll(async () => {
  dockerd = await startDockerd({ name: 'runtime', images: [pauseArchive, testboxArchive] })
  runtime = new DockerRuntime({ socketPath: dockerd.socket })
  imageId = (await runtime.findImage(image))?.id ?? ''
  mkdirSync(hostDirectory, { recursive: true })
})
afterAll(async () => {
  await dockerd?.stop()
  rmSync(hostDirectory, { recursive: true, force: true })
})

describe('the cases of every runtime', () => testRuntime(async () => ({ runtime, image, close: async () => {} })))

async function start(changes: Partial<ContainerSpec> = {}, pod: Partial<SandboxSpec> = {}) {
  const sandbox = await runtime.createSandbox(makeSandboxSpec(pod))
  const id = await runtime.createContainer(sandbox, makeContainerSpec({ id: imageId }, changes))
  await runtime.startContainer(id)
  return { sandbox, id }
}

const shell = (script: string) => ({ command: ['sh', '-c', script] })

/** What a script prints in a container of its own. */
async function outputOf(script: string, changes: Partial<ContainerSpec> = {}, pod: Partial<SandboxSpec> = {}) {
  const { id } = await start({ ...shell(script), ...changes }, pod)
  return (await text(await runtime.logs(id, { follow: true, timestamps: false }))).trim()
}

async function ended(podUid: string): Promise<Container> {
  return await vi.waitFor(
    async () => {
      const [container] = await runtime.listContainers(podUid)
      if (container?.state !== 'exited') throw new Error('still running')
      return container
    },
    { timeout: 15_000, interval: 100 },
  )
}

test('containers of a pod share the network and IPC namespaces of its sandbox, and its host name', async () => {
  const { sandbox } = await start()
  const script = 'for kind in net ipc; do readlink /proc/self/ns/$kind; done; hostname'
  const id = await runtime.createContainer(sandbox, makeContainerSpec({ id: imageId }, { name: 'b', ...shell(script) }))
  await runtime.startContainer(id)
  const lines = (await text(await runtime.logs(id, { follow: true, timestamps: false }))).trim().split('\n')
  const namespaces = ['net', 'ipc'].map((kind) => readlinkSync(`/proc/${sandbox.pid}/ns/${kind}`))
  expect(lines).toEqual([...namespaces, sandbox.pod.name])
})

test('a sandbox has no network but loopback until CNI fills it', async () => {
  expect(await outputOf('ip -o link | cut -d: -f2')).toBe('lo')
})

test('pods that share process ids see the pause program as process 1, others themselves', async () => {
  const script = 'cat /proc/1/cmdline | tr "\\0" " "; echo'
  expect(await outputOf(script, {}, { sharePid: true })).toBe('/pause')
  expect(await outputOf(script)).toContain('sh -c')
})

test('pods on the node see its network, host name and processes', async () => {
  const node = { network: 'node', hostPid: true, hostIpc: true } as const
  const script = 'for kind in net uts ipc pid; do readlink /proc/self/ns/$kind; done'
  const here = ['net', 'uts', 'ipc', 'pid'].map((kind) => readlinkSync(`/proc/self/ns/${kind}`))
  expect((await outputOf(script, {}, node)).split('\n')).toEqual(here)
})

test('env, working directory, user, groups and mounts arrive', async () => {
  writeFileSync(`${hostDirectory}/a:b`, 'mounted\n')
  const spec: Partial<ContainerSpec> = {
    env: [{ name: 'GREETING', value: 'hello = there' }],
    workingDir: '/tmp',
    security: { user: '1000:2000', supplementalGroups: [3000] },
    mounts: [{ hostPath: `${hostDirectory}/a:b`, containerPath: '/data/file', readOnly: true }],
  }
  const lines = (await outputOf('echo $GREETING; pwd; id -u; id -G; cat /data/file', spec)).split('\n')
  expect(lines).toEqual(['hello = there', '/tmp', '1000', '2000 3000', 'mounted'])
})

test('a read-only mount, a read-only root and no new privileges hold', async () => {
  const spec: Partial<ContainerSpec> = {
    security: { readOnlyRootFilesystem: true, noNewPrivileges: true, dropCapabilities: ['ALL'] },
    mounts: [{ hostPath: hostDirectory, containerPath: '/data', readOnly: true }],
  }
  const script = 'touch /data/x || echo kept; touch /x || echo kept; grep -E "NoNewPrivs|CapEff" /proc/self/status'
  const output = await outputOf(script, spec)
  expect(output.match(/^kept$/gm)).toHaveLength(2)
  expect(output).toMatch(/NoNewPrivs:\s+1/)
  expect(output).toMatch(/CapEff:\s+0{16}/)
})

test('resources become cgroup settings below the pod’s cgroup', async () => {
  const cgroupParent = `/${dockerd.cgroup}/kubepods/podx`
  const resources = { cpuShares: 256, cpuQuotaUs: 20_000, memoryLimitBytes: 64 * 1024 * 1024, oomScoreAdj: 500 }
  const { id, sandbox } = await start({ resources }, { cgroupParent })
  const [pid] = (await dockerd.docker('inspect', '--format', '{{.State.Pid}}', id)).split('\n')
  expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toContain(`${cgroupParent}/${id}`)
  expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim()).toBe('500')
  const pauseScore = Number(readFileSync(`/proc/${sandbox.pid}/oom_score_adj`, 'utf8'))
  expect(pauseScore).toBe(Math.max(-998, readLowestOomScoreAdj()))
  const format = '{{.HostConfig.CpuShares}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}'
  expect(await dockerd.docker('inspect', '--format', format, id)).toBe('256 20000 67108864 67108864')
})

test('a container that uses more memory than it may is reported as OOMKilled', async () => {
  const command = ['node', '-e', 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1))']
  const { sandbox } = await start({ command, resources: { memoryLimitBytes: 80 * 1024 * 1024 } })
  expect(await ended(sandbox.pod.uid)).toMatchObject({ reason: 'OOMKilled', exitCode: 137 })
})

test('a sandbox that was created but not started is started by the next attempt', async () => {
  const spec = makeSandboxSpec()
  const first = await runtime.createSandbox(spec)
  await runtime.stopSandbox(first.id)
  const second = await runtime.createSandbox(spec)
  expect(second.id).not.toBe(first.id)
  expect(second.state).toBe('ready')
})

test('a container of an earlier sandbox does not stand in the way of the next of its name', async () => {
  const { sandbox, id } = await start()
  await runtime.stopSandbox(sandbox.id)
  const next = await runtime.createSandbox(makeSandboxSpec({ pod: sandbox.pod, attempt: 1 }))
  const nextId = await runtime.createContainer(next, makeContainerSpec({ id: imageId }))
  expect(nextId).not.toBe(id)
  await runtime.startContainer(nextId)
  expect((await runtime.listContainers(sandbox.pod.uid)).map((each) => each.sandboxId)).toEqual([next.id])
})

test('another life of the runtime finds sandboxes and makes containers in them', async () => {
  const sandbox = await runtime.createSandbox(makeSandboxSpec({ sharePid: true }))
  const later = new DockerRuntime({ socketPath: dockerd.socket })
  const id = await later.createContainer(sandbox, makeContainerSpec({ id: imageId }))
  expect(await dockerd.docker('inspect', '--format', '{{.HostConfig.PidMode}}', id)).toBe(`container:${sandbox.id}`)
})

test('a port forward reaches what listens on the loopback of the pod alone', async () => {
  const script = 'socat TCP4-LISTEN:7000,bind=127.0.0.1,fork EXEC:cat & wait'
  const { sandbox } = await start(shell(script))
  const connection = await vi.waitFor(() => runtime.portForward(sandbox.id, 7000), { timeout: 10_000, interval: 100 })
  connection.write('ping')
  expect(String((await once(connection, 'data'))[0])).toBe('ping')
  connection.end()
  await expect(runtime.portForward(sandbox.id, 7001)).rejects.toThrow('nothing listens on port 7001')
})

test('a terminal has its size, and echoes', async () => {
  const { id } = await start()
  const session = await runtime.exec(id, { command: ['sh', '-c', 'sleep 0.5; stty size'], stdin: true, tty: true })
  await session.resize(123, 45)
  expect((await text(session.stdout)).trim()).toBe('45 123')
  expect(await session.exitCode).toBe(0)
})

test.each([
  ['as it runs', 300],
  ['before it has begun', 0],
])('what execSync ends %s is gone from the container', async (_, timeoutMs) => {
  const { id } = await start()
  await runtime.execSync(id, ['sleep', '4711'], timeoutMs)
  const after = await runtime.execSync(id, ['sh', '-c', 'ps | grep -v grep | grep -c "sleep 4711"'], 10_000)
  expect(after.output.trim()).toBe('0')
})

test('a daemon that goes ends the events with an error', async () => {
  const other = await startDockerd({ name: 'events' })
  const events = new DockerRuntime({ socketPath: other.socket }).events(new AbortController().signal)
  const next = events[Symbol.asyncIterator]().next()
  const outcome = expect(next).rejects.toThrow()
  await new Promise((resolve) => setTimeout(resolve, 200)) // the connection is made by the first read
  await other.stop()
  await outcome
})
