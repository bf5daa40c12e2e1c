// An unmodified kubectl 1.35 does its everyday work.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Deployment, Pod, PodList } from '../../api/generated/types.ts'
import {
  apply,
  execIn,
  freshNamespace,
  getJson,
  kubectl,
  service,
  startKubectl,
  testboxDeployment,
  tryKubectl,
} from '../support/lab.ts'

const within = { timeout: 20_000, interval: 100 }
let namespace: string

beforeAll(async () => {
  namespace = await freshNamespace('e2e-kubectl')
  await apply(
    testboxDeployment({ namespace, name: 'web', replicas: 2, env: { TEXT: 'first' } }),
    service(namespace, 'web'),
  )
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=60s')
})

async function podName(): Promise<string> {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=web')
  return items.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.metadata?.name ?? ''
}

test('get shows tables, wide tables and YAML', async () => {
  expect(await kubectl('get', 'deploy', '-n', namespace)).toMatch(
    /NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+2\/2\s+2\s+2/,
  )
  expect(await kubectl('get', 'pods', '-n', namespace, '-o', 'wide')).toMatch(
    /web-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.\d+\.\d+\s+node-\d/,
  )
  expect(await kubectl('get', 'svc', 'web', '-n', namespace, '-o', 'yaml')).toMatch(/clusterIP: 10\.96\./)
  expect(await kubectl('get', 'nodes')).toMatch(/node-1\s+Ready\s+<none>\s+\S+\s+v1\.35/)
  expect(await kubectl('get', 'all', '-n', namespace)).toContain('replicaset.apps/web-')
})

test('get -w shows changes as they come', async () => {
  const watch = startKubectl('get', 'configmap', '-n', namespace, '-w', '--no-headers')
  let seen = ''
  watch.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  await kubectl('create', 'configmap', 'watched', '-n', namespace, '--from-literal=a=1')
  await vi.waitFor(() => expect(seen).toMatch(/watched\s+1/), within)
  watch.kill()
  await watch
})

test("describe tells the pod's story", async () => {
  const told = await kubectl('describe', 'pod', '-n', namespace, await podName())
  expect(told).toMatch(/Successfully assigned e2e-kubectl\/web-\S+ to node-\d/)
  expect(told).toMatch(/Started\s+\S+\s+kubelet/)
  expect(told).toMatch(/Ready\s+True/)
})

test('logs follow a container', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'talker', namespace },
    spec: {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'talker',
          image: 'fairlead/testbox:1',
          imagePullPolicy: 'IfNotPresent',
          command: ['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 1; done'],
        },
      ],
    },
  })
  await vi.waitFor(async () => expect((await tryKubectl(['logs', '-n', namespace, 'talker'])).exitCode).toBe(0), within)
  expect(await kubectl('logs', '-f', '-n', namespace, 'talker')).toBe('line 1\nline 2\nline 3')
  expect(await kubectl('logs', '--tail=1', '-n', namespace, 'talker')).toBe('line 3')
})

test('exec carries standard input, output, errors and the exit code', async () => {
  const pod = await podName()
  expect(
    (await tryKubectl(['exec', '-i', '-n', namespace, pod, '--', 'sh', '-c', 'tr a-z A-Z'], { input: 'whisper' }))
      .stdout,
  ).toBe('WHISPER')
  const failing = await tryKubectl(['exec', '-n', namespace, pod, '--', 'sh', '-c', 'echo bad >&2; exit 7'])
  expect(failing).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('bad') })
})

test('cp brings a file in and out', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-cp-'))
  writeFileSync(join(directory, 'in.txt'), 'carried')
  const pod = await podName()
  await kubectl('cp', join(directory, 'in.txt'), `${namespace}/${pod}:/tmp/in.txt`)
  expect(await execIn(namespace, pod, 'cat', '/tmp/in.txt')).toBe('carried')
})

test('port-forward reaches a port of the pod', async () => {
  const forward = startKubectl('port-forward', '-n', namespace, await podName(), ':8080')
  let said = ''
  forward.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const port = await vi.waitFor(() => {
    const match = /127\.0\.0\.1:(\d+) ->/.exec(said)
    if (match === null) throw new Error(`no port yet: ${said}`)
    return match[1]
  }, within)
  for (let i = 0; i < 3; i++) expect(await (await fetch(`http://127.0.0.1:${port}/hostname`)).text()).toContain('web-')
  forward.kill()
  await forward
})

test('scale, set env, rollout history and undo', async () => {
  await kubectl('scale', '-n', namespace, 'deployment/web', '--replicas=3')
  await kubectl('set', 'env', '-n', namespace, 'deployment/web', 'TEXT=second')
  expect(await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=90s')).toContain(
    'successfully rolled out',
  )
  expect(await kubectl('rollout', 'history', '-n', namespace, 'deployment/web')).toMatch(/1\s+<none>\n2\s+<none>/)
  await kubectl('rollout', 'undo', '-n', namespace, 'deployment/web')
  await kubectl('rollout', 'status', '-n', namespace, 'deployment/web', '--timeout=90s')
  const { spec, status } = await getJson<Deployment>('deployment', '-n', namespace, 'web')
  expect(spec?.template.spec?.containers[0]?.env).toContainEqual({ name: 'TEXT', value: 'first' })
  expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 })
})

test('label, annotate, patch and edit change the object', async () => {
  await kubectl('label', 'configmap', 'watched', '-n', namespace, 'tier=gold')
  await kubectl('annotate', 'configmap', 'watched', '-n', namespace, 'note=seen')
  await kubectl('patch', 'configmap', 'watched', '-n', namespace, '--type=merge', '-p', '{"data":{"b":"2"}}')
  await kubectl(
    'patch',
    'configmap',
    'watched',
    '-n',
    namespace,
    '--type=json',
    '-p',
    '[{"op":"remove","path":"/data/a"}]',
  )
  const editor = { env: { KUBE_EDITOR: 'sed -i s/seen/edited/' } }
  expect(await tryKubectl(['edit', 'configmap', 'watched', '-n', namespace], editor)).toMatchObject({ exitCode: 0 })
  expect(await getJson('configmap', '-n', namespace, 'watched')).toMatchObject({
    metadata: { labels: { tier: 'gold' }, annotations: { note: 'edited' } },
    data: { b: '2' },
  })
  expect(await kubectl('get', 'configmap', '-n', namespace, '-l', 'tier in (gold)', '-o', 'name')).toBe(
    'configmap/watched',
  )
})

test('explain and api-resources know the kinds', async () => {
  expect(await kubectl('explain', 'deployment.spec.strategy')).toMatch(/rollingUpdate/)
  expect(await kubectl('api-resources')).toMatch(/deployments\s+deploy\s+apps\/v1\s+true\s+Deployment/)
})

test('a List is applied, each of its items checked before anything is sent', async () => {
  const item = (name: string, spec: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'none' }] } },
      ...spec,
    },
  })
  const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const applied = await tryKubectl(['apply', '-f', '-'], { input: list(item('one', { replicas: 0 })) })
  expect(applied).toMatchObject({ exitCode: 0, stdout: 'deployment.apps/one created' })
  const wrong = list(item('two', { replicas: 0 }), item('three', { replicas: 'many', replcas: 1 }))
  const refused = await tryKubectl(['apply', '-f', '-'], { input: wrong })
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toMatch(/unknown field "replcas" in io\.k8s\.api\.apps\.v1\.DeploymentSpec/)
  expect(refused.stderr).toMatch(/invalid type for .*replicas: got "string", expected "integer"/)
  expect(await kubectl('get', 'deployments', '-n', namespace, '-o', 'name')).not.toMatch(/two|three/)
})

test('run, expose and drain', async () => {
  await kubectl(
    'run',
    'lone',
    '-n',
    namespace,
    '--image=fairlead/testbox:1',
    '--image-pull-policy=IfNotPresent',
    '--port=8080',
  )
  await kubectl('wait', '-n', namespace, '--for=condition=Ready', 'pod/lone', '--timeout=30s')
  await kubectl('expose', 'pod', 'lone', '-n', namespace, '--port=80', '--target-port=8080')
  const nodeName = (await getJson<Pod>('pod', 'lone', '-n', namespace)).spec?.nodeName ?? ''
  try {
    await kubectl('drain', nodeName, '--pod-selector=run=lone', '--force', '--timeout=60s')
    expect((await tryKubectl(['get', 'pod', 'lone', '-n', namespace])).stderr).toContain('NotFound')
    expect(await kubectl('get', 'node', nodeName)).toContain('SchedulingDisabled')
  } finally {
    await kubectl('uncordon', nodeName)
  }
})

test('a deleted Deployment takes its replica sets and pods with it', async () => {
  await kubectl('delete', 'deployment', 'web', '-n', namespace)
  await vi.waitFor(
    async () => expect(await kubectl('get', 'rs,pods', '-n', namespace, '-l', 'app=web', '-o', 'name')).toBe(''),
    { timeout: 60_000, interval: 200 },
  )
})

test('a pod with init containers, volumes and configuration runs as written', async () => {
  await apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace }, data: { colour: 'blue' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token', namespace }, stringData: { word: 'sesame' } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'full', namespace, labels: { role: 'x' } },
      spec: {
        restartPolicy: 'Never',
        initContainers: [
          {
            name: 'before',
            image: 'fairlead/testbox:1',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', 'echo prepared > /shared/file'],
            volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
          },
        ],
        containers: [
          {
            name: 'main',
            image: 'fairlead/testbox:1',
            imagePullPolicy: 'IfNotPresent',
            command: ['sh', '-c', 'cat /shared/file /settings/colour; echo; echo $WORD $(LIMIT); cat /info/labels'],
            env: [
              { name: 'WORD', valueFrom: { secretKeyRef: { name: 'token', key: 'word' } } },
              { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } },
            ],
            resources: { limits: { memory: '64Mi', cpu: '500m' } },
            volumeMounts: [
              { name: 'shared', mountPath: '/shared' },
              { name: 'settings', mountPath: '/settings' },
              { name: 'info', mountPath: '/info' },
            ],
          },
        ],
        volumes: [
          { name: 'shared', emptyDir: {} },
          { name: 'settings', configMap: { name: 'settings' } },
          { name: 'info', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    },
  )
  await vi.waitFor(
    async () => expect((await getJson<Pod>('pod', '-n', namespace, 'full')).status?.phase).toBe('Succeeded'),
    { timeout: 30_000, interval: 200 },
  )
  expect(await kubectl('logs', '-n', namespace, 'full', '-c', 'main')).toBe('prepared\nblue\nsesame 67108864\nrole="x"')
})
