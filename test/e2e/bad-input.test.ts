// What is wrong is refused with the field, the value and the reason, and leaves nothing behind.

import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { connect } from 'node:tls'
import { execa } from 'execa'
import { beforeAll, expect, test, vi } from 'vitest'
import { loadKubeconfig } from '../../api/client/kubeconfig.ts'
import type { ConfigMap, CoreEventList, Pod } from '../../api/generated/types.ts'
import { adminKubeconfig } from '../../lab/control-plane.ts'
import { controlPlaneProgram } from '../../lab/paths.ts'
import { apply, freshNamespace, getJson, kubectl, lab, onNode, tryKubectl } from '../support/lab.ts'

const patiently = { timeout: 30_000, interval: 200 }
const namespace = 'e2e-bad-input'

beforeAll(async () => {
  await freshNamespace(namespace)
})

function pod(name: string, container: object = {}, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      containers: [{ name: 'main', image: 'fairlead/testbox:1', imagePullPolicy: 'IfNotPresent', ...container }],
      ...spec,
    },
  }
}

async function refusal(manifest: object, ...args: string[]): Promise<string> {
  const { exitCode, stderr } = await tryKubectl(['create', '-f', '-', ...args], { input: JSON.stringify(manifest) })
  expect(exitCode).toBe(1)
  return stderr
}

test.each([
  ['an unknown field', pod('bad', {}, { colour: 'blue' }), /unknown field "spec\.colour"/],
  ['a wrong type', pod('bad', { ports: [{ containerPort: 'many' }] }), /containerPort.*(integer|int32)/],
  [
    'a bad quantity',
    pod('bad', { resources: { limits: { memory: '12 elephants' } } }),
    /limits.*12 elephants|12 elephants.*quantit/,
  ],
  [
    'a bad name',
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Not_A_Name', namespace } },
    /metadata\.name: Invalid value: "Not_A_Name"/,
  ],
  ['no image', pod('bad', { image: '' }), /spec\.containers\[0\]\.image: Required value/],
  [
    'two containers of one name',
    pod(
      'bad',
      {},
      {
        containers: [
          { name: 'a', image: 'x' },
          { name: 'a', image: 'y' },
        ],
      },
    ),
    /spec\.containers\[1\]\.name: Duplicate value: "a"/,
  ],
])('%s is refused by name', async (_, manifest, reason) => {
  expect(await refusal(manifest, '--validate=strict')).toMatch(reason)
  expect(await kubectl('get', 'pods,configmaps', '-n', namespace, '-o', 'name')).not.toMatch(/bad|Not_A_Name/)
})

test('an object of 2 MB is refused as too large', async () => {
  const manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'huge', namespace },
    data: { blob: 'x'.repeat(2_000_000) },
  }
  expect(await refusal(manifest)).toMatch(/too (large|long)|Too (large|long)|1048576|bytes/)
  expect((await tryKubectl(['get', 'configmap', 'huge', '-n', namespace])).stderr).toContain('NotFound')
})

test('a body cut in the middle stores nothing', async () => {
  const { ca, cert, key } = loadKubeconfig(adminKubeconfig(lab))
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cut' } })
  const socket = connect({ host: lab.controlPlane.address, port: 6443, ca, cert, key, servername: 'kubernetes' })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.write(
    `POST /api/v1/namespaces/${namespace}/configmaps HTTP/1.1\r\nHost: kubernetes\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 40)}`,
  )
  await new Promise<void>((resolve) => socket.end(() => resolve()))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect((await tryKubectl(['get', 'configmap', 'cut', '-n', namespace])).stderr).toContain('NotFound')
})

test('a certificate of another authority is not let in', async () => {
  await execa('openssl', [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/O=system:masters/CN=intruder',
    '-keyout',
    '/tmp/fairlead-intruder.key',
    '-out',
    '/tmp/fairlead-intruder.crt',
  ])
  const { ca } = loadKubeconfig(adminKubeconfig(lab))
  const status = await new Promise((resolve, reject) => {
    const asking = request(
      {
        host: lab.controlPlane.address,
        port: 6443,
        path: '/api/v1/secrets',
        ca,
        servername: 'kubernetes',
        cert: readFileSync('/tmp/fairlead-intruder.crt'),
        key: readFileSync('/tmp/fairlead-intruder.key'),
      },
      (answer) => resolve(answer.resume().statusCode),
    )
    asking.on('error', reject).end()
  })
  expect(status).toBe(401)
})

test('nobody in particular may read or write', async () => {
  const anonymous = async (path: string, ...args: string[]) =>
    (await onNode(lab.controlPlane, 'curl', '-sk', ...args, `https://127.0.0.1:6443${path}`)).stdout
  expect(JSON.parse(await anonymous('/api/v1/secrets'))).toMatchObject({
    kind: 'Status',
    code: expect.toBeOneOf([401, 403]),
  })
  expect(JSON.parse(await anonymous('/api/v1/namespaces', '-X', 'POST', '-d', '{}'))).toMatchObject({
    kind: 'Status',
    code: expect.toBeOneOf([401, 403]),
  })
})

test('a stale resourceVersion is a conflict, and changes nothing', async () => {
  await kubectl('create', 'configmap', 'contested', '-n', namespace, '--from-literal=a=1')
  const stale = await getJson<ConfigMap>('configmap', 'contested', '-n', namespace)
  await kubectl('patch', 'configmap', 'contested', '-n', namespace, '--type=merge', '-p', '{"data":{"a":"2"}}')
  const { exitCode, stderr } = await tryKubectl(['replace', '-f', '-'], {
    input: JSON.stringify({ ...stale, data: { a: '3' } }),
  })
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('the object has been modified'),
  })
  expect((await getJson<ConfigMap>('configmap', 'contested', '-n', namespace)).data).toEqual({ a: '2' })
})

test('an image that does not exist shows as ErrImagePull, with the reason in an event', async () => {
  // An address of the lab itself that nobody listens on: the pull fails without leaving the machine.
  await apply(pod('no-image', { image: `${lab.controlPlane.address}:5999/nobody/nothing:1` }))
  await vi.waitFor(async () => {
    const { status } = await getJson<Pod>('pod', 'no-image', '-n', namespace)
    expect(status?.containerStatuses?.[0]?.state?.waiting?.reason).toMatch(/ErrImagePull|ImagePullBackOff/)
    const { items } = await getJson<CoreEventList>(
      'events',
      '-n',
      namespace,
      '--field-selector',
      'involvedObject.name=no-image,reason=Failed',
    )
    expect(JSON.stringify(items)).toContain('nobody/nothing:1')
  }, patiently)
  await kubectl('delete', 'pod', 'no-image', '-n', namespace)
})

test('a command that does not exist shows as such, and the pod can be deleted', async () => {
  await apply(pod('no-command', { command: ['/no/such/program'] }))
  await vi.waitFor(async () => {
    const { status } = await getJson<Pod>('pod', 'no-command', '-n', namespace)
    const state = JSON.stringify(status?.containerStatuses?.[0])
    expect(state).toMatch(/CrashLoopBackOff|RunContainerError|StartError|ContainerCannotRun/)
    expect(state).toContain('/no/such/program')
  }, patiently)
  await kubectl('delete', 'pod', 'no-command', '-n', namespace, '--timeout=40s')
})

test('a taken port makes the control plane say so in one line', async () => {
  const dataDir = '/tmp/fairlead-e2e-port-taken'
  const { exitCode, stderr } = await onNode(
    lab.controlPlane,
    process.execPath,
    controlPlaneProgram,
    'serve',
    '--data-dir',
    dataDir,
    '--bind-address',
    '0.0.0.0',
    '--advertise-address',
    lab.controlPlane.address,
  )
  await execa('rm', ['-rf', dataDir])
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/6443.*(in use|taken)/)
})
