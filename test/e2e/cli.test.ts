// The `fairlead` command against a real cluster, as a person would use it.

import { spawn } from 'node:child_process'
import { beforeAll, expect, test, vi } from 'vitest'
import type { Pod, PodList } from '../../api/generated/types.ts'
import {
  apply,
  fairlead,
  freshNamespace,
  getJson,
  kubectl,
  service,
  startFairlead,
  testboxDeployment,
  tryKubectl,
} from '../support/lab.ts'

const namespace = 'e2e-cli'
const within = { timeout: 30_000, interval: 200 }
const inNamespace = (...args: string[]) => fairlead(['-n', namespace, ...args])

beforeAll(async () => {
  await freshNamespace(namespace)
})

/** Runs the command; fails the test with its words when it fails. */
async function succeed(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await inNamespace(...args)
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout
}

async function podName(): Promise<string> {
  const { items } = await getJson<PodList>('pods', '-n', namespace, '-l', 'app=web')
  return items.find(({ metadata }) => metadata?.deletionTimestamp === undefined)?.metadata?.name ?? ''
}

test('apply creates from a manifest, and says when nothing changed', async () => {
  const manifests = [
    testboxDeployment({ namespace, name: 'web', replicas: 2, env: { TEXT: 'first' } }),
    service(namespace, 'web'),
  ]
  const input = manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n')
  const first = await fairlead(['apply', '-f', '-'], { input })
  expect(first).toMatchObject({ exitCode: 0, stdout: 'deployment.apps/web created\nservice/web created' })
  expect(await succeed('rollout', 'status', 'deployment/web')).toContain('successfully rolled out')
  const second = await fairlead(['apply', '-f', '-'], { input })
  expect(second).toMatchObject({ exitCode: 0, stdout: 'deployment.apps/web unchanged\nservice/web unchanged' })
})

test('an unknown field in a manifest is refused by name', async () => {
  const input = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'odd', namespace },
    colour: 'blue',
  })
  const { exitCode, stderr } = await fairlead(['apply', '-f', '-'], { input })
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('unknown field "colour"') })
})

test("get shows the server's tables, and describe the pod's story", async () => {
  expect(await succeed('get', 'deploy')).toMatch(/^NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\nweb\s+2\/2/)
  expect(await succeed('get', 'pods', '-o', 'wide')).toMatch(/web-\S+\s+1\/1\s+Running.*node-\d/)
  expect(await succeed('get', 'svc', 'web', '-o', 'yaml')).toMatch(/clusterIP: 10\.96\./)
  expect(await succeed('describe', 'pod', await podName())).toMatch(/Successfully assigned e2e-cli\/web-/)
})

test.each([
  ['deployment web', "jsonpath={.metadata.labels} {.spec.template.spec.containers[0].env[?(@.name=='TEXT')].value}"],
  ['service web', 'jsonpath={.spec.clusterIP}{"\\t"}{.spec.ports[*].port} {.metadata.annotations.nope}'],
  [
    'deployments,services',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.creationTimestamp}{"\\n"}{end}',
  ],
  ['pods', 'jsonpath={.items[*].status.containerStatuses[0].state}'],
  ['pods', 'jsonpath={.items[-1:].metadata.name} {.items[?(@.status.phase!="Pending")].status.podIP} {..podCIDR}'],
  [
    'nodes',
    "jsonpath={.items[*].metadata.labels['kubernetes\\.io/hostname']} {.items[*].status.conditions[?(@.type=='Ready')].status}",
  ],
  ['pods', 'jsonpath-as-json={.items[*].spec.containers[*]}'],
  ['pods', 'custom-columns=NAME:.metadata.name,PORTS:.spec.containers[*].ports,N:.nope,Labels:metadata.labels'],
  ['pods --no-headers', "custom-columns=A:{.metadata.name},B:.status.conditions[?(@.type=='Ready')].status"],
  ['pods --sort-by=.status.podIP', 'name'],
  ['namespaces --sort-by=.metadata.name', 'custom-columns=N:.metadata.name'],
])('get %s -o %s prints what kubectl prints', async (what, output) => {
  const args = ['-n', namespace, 'get', ...what.split(' '), '-o', output]
  expect(await fairlead(args)).toEqual({ exitCode: 0, stderr: '', stdout: await kubectl(...args) })
})

test('tables follow --sort-by as in kubectl', async () => {
  const args = ['-n', namespace, 'get', 'pods', '--no-headers', '--sort-by=.status.podIP']
  // Ages may differ by a second.
  const namesIn = (table: string) => table.split('\n').map((line) => line.split(' ')[0])
  expect(namesIn((await fairlead(args)).stdout)).toEqual(namesIn(await kubectl(...args)))
})

test.each(['{.items[99]}', '{.kind', '{.kind[0]}', '{end}', '{items}'])(
  'kubectl refuses the template %s too',
  async (template) => {
    const args = ['-n', namespace, 'get', 'pods', '-o', `jsonpath=${template}`]
    expect(await fairlead(args)).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining(template) })
    expect(await tryKubectl(args)).toMatchObject({ exitCode: 1 })
  },
)

test('exec carries input, output and the exit code; logs bring what was said', async () => {
  const pod = await podName()
  const whisper = await fairlead(['-n', namespace, 'exec', '-i', pod, '--', 'tr', 'a-z', 'A-Z'], { input: 'whisper' })
  expect(whisper).toMatchObject({ exitCode: 0, stdout: 'WHISPER' })
  expect(await inNamespace('exec', pod, '--', 'sh', '-c', 'exit 7')).toMatchObject({ exitCode: 7 })
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
          command: ['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.5; done'],
        },
      ],
    },
  })
  await vi.waitFor(
    async () => expect((await getJson<Pod>('pod', 'talker', '-n', namespace)).status?.phase).not.toBe('Pending'),
    within,
  )
  expect(await succeed('logs', '-f', 'talker')).toBe('line 1\nline 2\nline 3')
  expect(await succeed('logs', '--tail', '1', 'talker')).toBe('line 3')
})

test('exec -t gives the command a terminal', async () => {
  const command = ['-n', namespace, 'exec', '-it', await podName(), '--', 'sh', '-c', 'test -t 0 && echo tty-"yes"']
  const { file, args, env } = startFairlead(command)
  // script(1) plays the person's terminal.
  const terminal = spawn('script', ['-qec', [file, ...args].map((word) => `'${word}'`).join(' '), '/dev/null'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let seen = ''
  terminal.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  const exitCode = await new Promise((resolve) => terminal.once('close', resolve))
  expect({ seen, exitCode }).toEqual({ seen: expect.stringContaining('tty-yes'), exitCode: 0 })
})

test('port-forward reaches a port of the pod, several times', async () => {
  const { file, args, env } = startFairlead(['-n', namespace, 'port-forward', `pod/${await podName()}`, ':8080'])
  const forward = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  forward.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  try {
    const port = await vi.waitFor(() => {
      const match = /127\.0\.0\.1:(\d+) ->/.exec(said)
      if (match === null) throw new Error(`no port yet: ${said}`)
      return match[1]
    }, within)
    // A connection each, side by side.
    const ask = async () =>
      await (await fetch(`http://127.0.0.1:${port}/hostname`, { headers: { connection: 'close' } })).text()
    for (const answer of await Promise.all([ask(), ask(), ask()])) expect(answer).toContain('web-')
  } finally {
    forward.kill('SIGINT')
    await new Promise((resolve) => forward.once('close', resolve))
  }
})

test('scale, rollout history and undo change the Deployment', async () => {
  expect(await succeed('scale', 'deployment/web', '--replicas', '3')).toBe('deployment.apps/web scaled')
  await kubectl('set', 'env', '-n', namespace, 'deployment/web', 'TEXT=second')
  await succeed('rollout', 'status', 'deployment/web')
  expect(await succeed('rollout', 'history', 'deployment/web')).toMatch(/1 .*\n2 /)
  expect(await succeed('rollout', 'undo', 'deployment/web')).toBe('deployment.apps/web rolled back')
  await succeed('rollout', 'status', 'deployment/web')
  expect(await succeed('get', 'deployment', 'web', '-o', 'yaml')).toContain('value: first')
})

test("what is not there is an error in kubectl's words", async () => {
  expect(await inNamespace('get', 'pod', 'nobody')).toMatchObject({
    exitCode: 1,
    stderr: 'Error from server (NotFound): pods "nobody" not found',
  })
  expect(await inNamespace('get', 'unicorns')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('unicorns'),
  })
})

test('delete waits until the object is gone', async () => {
  expect(await succeed('delete', 'deployment', 'web')).toBe('deployment.apps "web" deleted from e2e-cli namespace')
  expect(await kubectl('get', 'deployment', '-n', namespace, '-o', 'name')).toBe('')
})
