import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigMap, Pod, PodSpec, Secret, Volume, VolumeMount } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { notFound } from '../../api/objects/status-error.ts'
import { serviceAccounts } from '../../api/resources/service-accounts.ts'
import { listMountPoints } from '../../cni/linux/mounts.ts'
import { PodVolumes } from './pod-volumes.ts'

const isRoot = process.getuid?.() === 0
const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: 'uid-1',
  resourceVersion: '1',
  creationTimestamp: '',
})
const facts = { podIps: [], hostIps: ['192.0.2.1'], allocatable: { cpu: '2' } }

let dataDir: string
let configMaps: Map<string, Stored<ConfigMap>>
let secrets: Map<string, Stored<Secret>>
let volumes: PodVolumes
/** What the server gives; undefined: nothing. */
let token: string | undefined

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fairlead-volumes-'))
  configMaps = new Map()
  secrets = new Map()
  token = undefined
  volumes = new PodVolumes({
    dataDir,
    objects: {
      configMap: async (_, name) => configMaps.get(name),
      secret: async (_, name) => secrets.get(name),
      serviceAccountToken: async ({ serviceAccountName }) => {
        if (token !== undefined) return { token, expiresAtMs: 0 }
        throw notFound(serviceAccounts, serviceAccountName)
      },
    },
  })
})

afterEach(async () => {
  await volumes.remove('uid-1')
  await rm(dataDir, { recursive: true, force: true })
})

function makePod(volume: Omit<Volume, 'name'>, spec: Partial<PodSpec> = {}): Stored<Pod> {
  return {
    metadata: { ...meta('web'), labels: { app: 'web' } },
    spec: { containers: [{ name: 'app' }], volumes: [{ name: 'v', ...volume }], ...spec },
  }
}

const root = () => join(dataDir, 'pods', 'uid-1', 'volumes', 'v')
const read = (path: string) => readFile(join(root(), path), 'utf8')

async function bind(pod: Stored<Pod>, mount: Partial<VolumeMount> = {}) {
  const container = { name: 'app', volumeMounts: [{ name: 'v', mountPath: '/data', ...mount }] }
  const [binding] = await volumes.bindingsOf(pod, container, (text) => text.replace('$(NAME)', 'web'))
  return binding
}

test('an emptyDir is there for everybody, and gone with the pod', async () => {
  const pod = makePod({ emptyDir: {} })
  await volumes.prepare(pod, facts)
  expect((await stat(root())).mode & 0o7777).toBe(0o777)
  await volumes.remove('uid-1')
  expect(await volumes.listPods()).toEqual([])
})

test('an emptyDir keeps its content when it is prepared again', async () => {
  const pod = makePod({ emptyDir: {} })
  await volumes.prepare(pod, facts)
  await writeFile(join(root(), 'file'), 'text')
  await volumes.prepare(pod, facts)
  expect(await read('file')).toBe('text')
})

test('what a container has made of the mode of its emptyDir stays when an agent starts again', async () => {
  const pod = makePod({ emptyDir: {} })
  await volumes.prepare(pod, facts)
  await chmod(root(), 0o700)
  await volumes.prepare(pod, facts)
  expect((await stat(root())).mode & 0o7777).toBe(0o700)
})

test('an emptyDir that a killed agent had begun is whole for the next', async () => {
  await mkdir(`${root()}~`, { recursive: true, mode: 0o700 })
  await volumes.prepare(makePod({ emptyDir: {} }), facts)
  expect((await stat(root())).mode & 0o7777).toBe(0o777)
})

test('a configMap becomes files through ..data, and an update swaps them all', async () => {
  configMaps.set('settings', { metadata: meta('settings'), data: { a: '1', b: '2' }, binaryData: { c: 'AAE=' } })
  const pod = makePod({ configMap: { name: 'settings', defaultMode: 0o640 } })
  await volumes.prepare(pod, facts)
  expect([await read('a'), await read('b')]).toEqual(['1', '2'])
  expect(await readFile(join(root(), 'c'))).toEqual(Buffer.from([0, 1]))
  expect((await stat(join(root(), 'a'))).mode & 0o777).toBe(0o640)
  expect(await readlink(join(root(), 'a'))).toBe('..data/a')
  const before = await readlink(join(root(), '..data'))
  configMaps.set('settings', { metadata: meta('settings'), data: { a: '3' } })
  await volumes.refresh(pod, facts)
  expect(await read('a')).toBe('3')
  expect((await readdir(root())).filter((name) => !name.startsWith('..'))).toEqual(['a'])
  expect(await readdir(root())).not.toContain(before)
})

test('an update without a change leaves the files as they are', async () => {
  configMaps.set('settings', { metadata: meta('settings'), data: { a: '1' } })
  const pod = makePod({ configMap: { name: 'settings' } })
  await volumes.prepare(pod, facts)
  const before = await readlink(join(root(), '..data'))
  await volumes.refresh(pod, facts)
  expect(await readlink(join(root(), '..data'))).toBe(before)
})

test('items choose keys, paths and modes', async () => {
  configMaps.set('settings', { metadata: meta('settings'), data: { a: '1', b: '2' } })
  await volumes.prepare(
    makePod({ configMap: { name: 'settings', items: [{ key: 'b', path: 'sub/x', mode: 0o600 }] } }),
    facts,
  )
  expect(await read('sub/x')).toBe('2')
  expect((await stat(join(root(), 'sub/x'))).mode & 0o777).toBe(0o600)
})

test.each<[string, Omit<Volume, 'name'>, string]>([
  [
    'a missing configMap',
    { configMap: { name: 'none' } },
    'MountVolume.SetUp failed for volume "v" : configmap "none" not found',
  ],
  ['a missing secret', { secret: { secretName: 'none' } }, 'secret "none" not found'],
  ['a claim', { persistentVolumeClaim: { claimName: 'data' } }, 'persistentVolumeClaim is not supported yet'],
  [
    'a token that the server does not give',
    { projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    'the API server gives no token for service account default/default',
  ],
  [
    'a hostPath of the wrong type',
    { hostPath: { path: '/etc/passwd', type: 'Directory' } },
    'hostPath type check failed: /etc/passwd is not a directory',
  ],
])('%s is refused with the reason', async (_, volume, message) => {
  await expect(volumes.prepare(makePod(volume), facts)).rejects.toThrow(message)
})

test('an optional object that is missing is an empty volume', async () => {
  await volumes.prepare(makePod({ configMap: { name: 'none', optional: true } }), facts)
  expect((await readdir(root())).filter((name) => !name.startsWith('..'))).toEqual([])
})

test('the downward API writes fields of the pod', async () => {
  const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }]
  await volumes.prepare(makePod({ downwardAPI: { items } }), facts)
  expect(await read('labels')).toBe('app="web"')
})

test('hostPath makes a directory only where it may', async () => {
  const path = join(dataDir, 'made')
  await expect(volumes.prepare(makePod({ hostPath: { path, type: 'Directory' } }), facts)).rejects.toThrow(
    'is not a directory',
  )
  await volumes.prepare(makePod({ hostPath: { path, type: 'DirectoryOrCreate' } }), facts)
  expect((await stat(path)).isDirectory()).toBe(true)
  await volumes.remove('uid-1')
  expect((await stat(path)).isDirectory()).toBe(true)
})

test('volumes that the agent writes are read-only for containers, propagation is passed on', async () => {
  configMaps.set('settings', { metadata: meta('settings'), data: {} })
  expect((await bind(makePod({ configMap: { name: 'settings' } })))?.readOnly).toBe(true)
  expect(await bind(makePod({ hostPath: { path: '/srv' } }), { mountPropagation: 'Bidirectional' })).toEqual({
    hostPath: '/srv',
    containerPath: '/data',
    readOnly: false,
    propagation: 'rshared',
  })
})

describe.skipIf(!isRoot)('as root', () => {
  test('a secret is on a tmpfs, its group is fsGroup, and nothing stays mounted', async () => {
    secrets.set('login', { metadata: meta('login'), data: { password: Buffer.from('s3cret').toString('base64') } })
    const pod = makePod({ secret: { secretName: 'login', defaultMode: 0o400 } }, { securityContext: { fsGroup: 1234 } })
    await volumes.prepare(pod, facts)
    await volumes.prepare(pod, facts)
    expect(await read('password')).toBe('s3cret')
    const { gid, mode } = await stat(join(root(), 'password'))
    expect({ gid, mode: mode & 0o777 }).toEqual({ gid: 1234, mode: 0o440 })
    expect(listMountPoints(dataDir)).toEqual([root()])
    await volumes.remove('uid-1')
    expect(listMountPoints(dataDir)).toEqual([])
  })

  test('an emptyDir in memory has its size limit', async () => {
    await volumes.prepare(makePod({ emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }), facts)
    await expect(writeFile(join(root(), 'big'), Buffer.alloc(2 ** 21))).rejects.toThrow('ENOSPC')
  })

  test('a subPath is that file alone, made as a directory when it is not there', async () => {
    const pod = makePod({ emptyDir: {} })
    await volumes.prepare(pod, facts)
    await writeFile(join(root(), 'file'), 'text')
    expect(await readFile((await bind(pod, { subPath: 'file' }))?.hostPath ?? '', 'utf8')).toBe('text')
    await volumes.remove('uid-1')
    await volumes.prepare(pod, facts)
    const made = await bind(pod, { subPathExpr: 'logs/$(NAME)' })
    await writeFile(join(made?.hostPath ?? '', 'x'), 'y')
    expect(await read('logs/web/x')).toBe('y')
  })

  test('a directory that is made for a subPath can be used by whoever can use the volume', async () => {
    const pod = makePod({ emptyDir: {} }, { securityContext: { fsGroup: 4711 } })
    await volumes.prepare(pod, facts)
    const made = await bind(pod, { subPath: 'deep/down' })
    const { mode, gid } = await stat(made?.hostPath ?? '')
    expect([(mode & 0o7777).toString(8), gid]).toEqual(['2777', 4711])
    expect((await stat(join(root(), 'deep'))).mode & 0o7777).toBe(0o2777)
  })

  test('a volume in memory keeps the mode that its container gave it, and has its group from the start', async () => {
    const pod = makePod({ emptyDir: { medium: 'Memory' } }, { securityContext: { fsGroup: 4711 } })
    await volumes.prepare(pod, facts)
    const { mode, gid } = await stat(root())
    expect([(mode & 0o7777).toString(8), gid]).toEqual(['2777', 4711])
    await chmod(root(), 0o700)
    await volumes.prepare(pod, facts)
    expect((await stat(root())).mode & 0o7777).toBe(0o700)
  })

  test('a key of a configMap can be a subPath, though it is a link', async () => {
    configMaps.set('settings', { metadata: meta('settings'), data: { a: '1' } })
    const pod = makePod({ configMap: { name: 'settings' } })
    await volumes.prepare(pod, facts)
    expect(await readFile((await bind(pod, { subPath: 'a' }))?.hostPath ?? '', 'utf8')).toBe('1')
  })

  test('a restarted container sees the new file of a changed config map under its subPath', async () => {
    configMaps.set('settings', { metadata: meta('settings'), data: { a: '1' } })
    const pod = makePod({ configMap: { name: 'settings' } })
    await volumes.prepare(pod, facts)
    await bind(pod, { subPath: 'a' })
    configMaps.set('settings', { metadata: meta('settings'), data: { a: '2' } })
    await volumes.refresh(pod, facts)
    expect(await readFile((await bind(pod, { subPath: 'a' }))?.hostPath ?? '', 'utf8')).toBe('2')
    expect(listMountPoints(dataDir).length).toBe(1)
  })

  test.each(['out', 'out/passwd', '../..', '/etc', 'deep/out/passwd'])(
    'subPath %s does not lead out of the volume',
    async (subPath) => {
      const pod = makePod({ emptyDir: {} })
      await volumes.prepare(pod, facts)
      await mkdir(join(root(), 'deep'))
      await symlink('/etc', join(root(), 'out'))
      await symlink('/etc', join(root(), 'deep', 'out'))
      await expect(bind(pod, { subPath })).rejects.toThrow(/leads out|must be relative/)
    },
  )

  test('a hostPath under a subPath survives the removal of the pod', async () => {
    const path = join(dataDir, 'precious')
    await mkdir(join(path, 'sub'), { recursive: true })
    await writeFile(join(path, 'sub', 'file'), 'keep')
    await chmod(path, 0o755)
    const pod = makePod({ hostPath: { path } })
    await volumes.prepare(pod, facts)
    await bind(pod, { subPath: 'sub' })
    await volumes.remove('uid-1')
    expect(await readFile(join(path, 'sub', 'file'), 'utf8')).toBe('keep')
    expect(await lstat(join(dataDir, 'pods', 'uid-1')).catch(() => 'gone')).toBe('gone')
  })
})

describe('a service account token', () => {
  const projected = { sources: [{ serviceAccountToken: { path: 'token' } }], defaultMode: 0o644 }
  const access = async () => {
    const { mode, uid, gid } = await stat(join(root(), 'token'))
    return [(mode & 0o777).toString(8), uid, gid]
  }

  test('is swapped for the next without a moment in between', async () => {
    const pod = makePod({ projected })
    token = 'first'
    await volumes.prepare(pod, facts)
    const before = await readlink(join(root(), '..data'))
    token = 'second'
    await volumes.refresh(pod, facts)
    expect(await read('token')).toBe('second')
    expect(await readlink(join(root(), '..data'))).not.toBe(before)
  })

  test.runIf(isRoot)('is for all who run in the pod, unless one user or group is enough', async () => {
    const all = { containers: [{ name: 'app', securityContext: { runAsUser: 1000 } }, { name: 'side' }] }
    const cases: [Partial<PodSpec>, unknown[]][] = [
      [{}, ['644', 0, 0]],
      [all, ['644', 0, 0]],
      [{ securityContext: { runAsUser: 1000 } }, ['600', 1000, 0]],
      [{ securityContext: { fsGroup: 2000 } }, ['640', 0, 2000]],
      [{ ...all, securityContext: { runAsUser: 1000, fsGroup: 2000 } }, ['640', 1000, 2000]],
    ]
    for (const [spec, expected] of cases) {
      token = 'x'
      await volumes.prepare(makePod({ projected }, spec), facts)
      expect(await access()).toEqual(expected)
      await volumes.remove('uid-1')
    }
  })
})
