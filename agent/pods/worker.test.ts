import { afterEach, beforeEach, expect, test } from 'vitest'
import { makePod, makeTemplate } from './test-pods.ts'
import { TestNode, until } from './test-worker.ts'

let node: TestNode

beforeEach(async () => {
  node = await TestNode.create()
})

afterEach(() => node.close())

test('a pod gets a sandbox, an address and its container, and is ready', async () => {
  node.start(makePod())
  await until(() => expect(node.latest.phase).toBe('Running'))
  expect(node.container()).toMatchObject({ ready: true, started: true, restartCount: 0 })
  expect(node.latest.podIP).toBe('10.244.0.2')
  expect(node.latest.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  expect(node.events.map((event) => event.split(':')[0])).toEqual(['Pulled', 'Created', 'Started'])
})

test('init containers run one after the other before the apps', async () => {
  node.runtime.addImage('init:1')
  const init = (name: string) => makeTemplate(name, { image: 'init:1', command: ['sh', '-c', 'exit 0'] })
  node.start(makePod({ initContainers: [init('first'), init('second')] }))
  await until(() => expect(node.latest.phase).toBe('Running'))
  const specs = node.runtime.containerSpecs.map(({ name }) => name)
  expect(specs).toEqual(['first', 'second', 'app'])
  expect(node.latest.initContainerStatuses?.every(({ ready }) => ready)).toBe(true)
})

test('a crashed container is restarted at once, then waits in CrashLoopBackOff', async () => {
  node.start(makePod())
  await until(() => expect(node.container()?.ready).toBe(true))
  await node.runtime.endContainer((await node.running())[0]?.id ?? '', 3)
  await until(() => expect(node.container()).toMatchObject({ restartCount: 1, ready: true }))
  expect(node.container()?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
  await node.runtime.endContainer((await node.running())[0]?.id ?? '', 4)
  await until(() => expect(node.container()?.state?.waiting?.reason).toBe('CrashLoopBackOff'))
  expect(node.container()?.state?.waiting?.message).toBe(
    'back-off 10s restarting failed container=app pod=web_default(uid-1)',
  )
})

test('a killed pause container brings a new sandbox with the next attempt and all containers again', async () => {
  node.start(makePod())
  await until(() => expect(node.container()?.ready).toBe(true))
  const [old] = await node.runtime.listSandboxes()
  node.runtime.killSandbox(old?.id ?? '')
  await until(async () => {
    const sandboxes = await node.runtime.listSandboxes()
    expect(sandboxes.map(({ attempt, state }) => ({ attempt, state }))).toEqual([{ attempt: 1, state: 'ready' }])
    expect(node.container()).toMatchObject({ ready: true, restartCount: 1 })
  })
  expect([...node.attached.keys()]).toEqual((await node.runtime.listSandboxes()).map(({ id }) => id))
})

test('an agent that starts again finds the running pod and leaves it as it is', async () => {
  const pod = makePod()
  node.start(pod)
  await until(() => expect(node.container()?.ready).toBe(true))
  const before = (await node.running()).map(({ id }) => id)
  await node.stop()
  node.start({ ...pod, status: node.latest })
  const known = node.statuses.length
  await until(() => expect(node.statuses.length).toBeGreaterThan(known))
  await until(() => expect(node.latest).toMatchObject({ phase: 'Running', podIP: '10.244.0.2' }))
  expect((await node.running()).map(({ id }) => id)).toEqual(before)
  expect(node.container()).toMatchObject({ ready: true, restartCount: 0 })
})

test('an image that cannot be pulled shows ErrImagePull and then ImagePullBackOff', async () => {
  node.runtime.failPull('nowhere/none:1', 'manifest unknown')
  node.start(makePod({ containers: [makeTemplate('app', { image: 'nowhere/none:1' })] }))
  await until(() =>
    expect(node.container()?.state?.waiting).toEqual({ reason: 'ErrImagePull', message: 'manifest unknown' }),
  )
  expect(node.latest.phase).toBe('Pending')
  await until(() => expect(node.container()?.state?.waiting?.reason).toBe('ImagePullBackOff'))
  expect(node.events).toContain('Failed: Failed to pull image "nowhere/none:1": manifest unknown')
})

test.each(['IfNotPresent', 'Always'])(
  'with the policy %s a name that no image can have is an InvalidImageName',
  async (imagePullPolicy) => {
    node.start(makePod({ containers: [makeTemplate('app', { image: 'UPPER:1', imagePullPolicy })] }))
    const message = `couldn't parse image name "UPPER:1": repository name must be lowercase`
    await until(() => expect(node.container()?.state?.waiting).toEqual({ reason: 'InvalidImageName', message }))
    expect(node.events).toContain('Failed: Error: InvalidImageName')
    await until(() => expect(node.latest.podIP).toBeDefined())
  },
)

test('a pod with restartPolicy Never ends as Failed with the exit code, and its sandbox goes', async () => {
  node.start(
    makePod({ restartPolicy: 'Never', containers: [makeTemplate('app', { command: ['sh', '-c', 'exit 7'] })] }),
  )
  await until(() => expect(node.latest.phase).toBe('Failed'))
  expect(node.container()?.state?.terminated).toMatchObject({ exitCode: 7, reason: 'Error' })
  await until(() => expect(node.attached.size).toBe(0))
})

test('a command that does not exist is a StartError with the message of the runtime', async () => {
  node.start(makePod({ restartPolicy: 'Never', containers: [makeTemplate('app', { command: ['no-such-command'] })] }))
  await until(() => expect(node.latest.phase).toBe('Failed'))
  expect(node.container()?.state?.terminated).toMatchObject({ reason: 'StartError', exitCode: 128 })
  expect(node.container()?.state?.terminated?.message).toContain('executable file not found')
})

test('a missing config map is a CreateContainerConfigError and the pod stays pending', async () => {
  const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'colours', key: 'x' } } }]
  node.start(makePod({ containers: [makeTemplate('app', { env })] }))
  await until(() =>
    expect(node.container()?.state?.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message: 'configmap "colours" not found',
    }),
  )
  expect(node.latest.phase).toBe('Pending')
})

test('a failing liveness probe kills the container, which comes back', async () => {
  const livenessProbe = { exec: { command: ['sh', '-c', 'exit 1'] }, periodSeconds: 0.05, failureThreshold: 2 }
  node.start(makePod({ containers: [makeTemplate('app', { livenessProbe })] }))
  await until(() => expect(node.container()?.restartCount).toBe(1))
  expect(node.events).toContain('Killing: Container app failed liveness probe, will be restarted')
  expect(node.events.some((event) => event.startsWith('Unhealthy: Liveness probe failed'))).toBe(true)
})

test('a readiness probe that fails keeps the pod running but not ready', async () => {
  const readinessProbe = { exec: { command: ['sh', '-c', 'exit 1'] } }
  node.start(makePod({ containers: [makeTemplate('app', { readinessProbe })] }))
  await until(() => expect(node.container()).toMatchObject({ started: true, ready: false }))
  expect(node.latest.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [app]',
  })
})

test('a log that cannot be read is said in place of the termination message, and the container restarts', async () => {
  node.runtime.logs = async () => {
    throw new Error('no such file')
  }
  node.start(makePod({ containers: [makeTemplate('app', { terminationMessagePolicy: 'FallbackToLogsOnError' })] }))
  await until(() => expect(node.container()?.ready).toBe(true))
  await node.runtime.endContainer((await node.running())[0]?.id ?? '', 3)
  await until(() => expect(node.container()).toMatchObject({ restartCount: 1, ready: true }))
  expect(node.container()?.lastState?.terminated?.message).toBe(
    'Error on reading termination message from logs: no such file',
  )
})

test('a pod that the node refuses is Failed and nothing is made for it', async () => {
  node.deps.admit = () => ({ reason: 'OutOfcpu', message: 'too big' })
  node.start(makePod())
  await until(() => expect(node.latest).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: 'too big' }))
  expect(node.runtime.sandboxSpecs).toEqual([])
})

test('a volume that is not supported yet says so in the waiting reason', async () => {
  node.start(makePod({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }))
  await until(() => expect(node.container()?.state?.waiting?.reason).toBe('VolumeNotSupported'))
  expect(node.events).toContain('FailedMount: volume "data": persistentVolumeClaim is not supported yet')
})

test('a network that fails leaves no sandbox behind, and the next try succeeds', async () => {
  const attach = node.deps.network.attach
  let failures = 1
  node.deps.network.attach = async (request) => {
    if (failures-- > 0) throw new Error('no addresses left')
    return await attach(request)
  }
  node.start(makePod())
  await until(() => expect(node.container()?.ready).toBe(true))
  expect(node.events).toContain('FailedCreatePodSandBox: Failed to create pod sandbox: no addresses left')
  await until(async () => expect((await node.runtime.listSandboxes()).map(({ state }) => state)).toEqual(['ready']))
})
