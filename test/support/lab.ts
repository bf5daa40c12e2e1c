// Drives the real lab that test/e2e/global-setup.ts brought up: with the pinned kubectl, as a person would.

import { execa, type Result } from 'execa'
import { adminKubeconfig } from '../../lab/control-plane.ts'
import { ensureKubectl } from '../../lab/kubectl.ts'
import type { LabLayout, NodeLayout } from '../../lab/layout.ts'
import { cliProgram } from '../../lab/paths.ts'
import { currentLab } from '../../lab/state.ts'

const labName = process.env.FAIRLEAD_LAB ?? 'test'
export const lab: LabLayout = currentLab(labName)
const kubectlPath = await ensureKubectl()
const env = { KUBECONFIG: adminKubeconfig(lab) }

export interface Outcome {
  exitCode: number
  stdout: string
  stderr: string
}

const toOutcome = ({ exitCode, stdout, stderr }: Result): Outcome => ({
  exitCode: exitCode ?? -1,
  stdout: String(stdout),
  stderr: String(stderr),
})

/** Runs kubectl to its end, whatever its exit code, with text for its stdin and more environment if wanted. */
export async function tryKubectl(
  args: string[],
  { input, env: more = {} }: { input?: string; env?: Record<string, string> } = {},
): Promise<Outcome> {
  return toOutcome(
    await execa(kubectlPath, args, { env: { ...env, ...more }, reject: false, ...(input !== undefined && { input }) }),
  )
}

/** Runs kubectl and returns its stdout; fails the test with kubectl's words when it fails. */
export async function kubectl(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await tryKubectl(args)
  if (exitCode !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Starts kubectl and returns the running process, for commands that stream. */
export function startKubectl(...args: string[]) {
  return execa(kubectlPath, args, { env, reject: false })
}

/** Applies manifests given as objects or YAML text. */
export async function apply(...manifests: (object | string)[]): Promise<void> {
  const input = manifests
    .map((manifest) => (typeof manifest === 'string' ? manifest : JSON.stringify(manifest)))
    .join('\n---\n')
  const { exitCode, stderr } = await tryKubectl(['apply', '-f', '-'], { input })
  if (exitCode !== 0) throw new Error(`kubectl apply: ${stderr}`)
}

/** `kubectl get … -o json`, parsed. */
export async function getJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl('get', ...args, '-o', 'json'))
}

/** Runs a command in a pod and returns its stdout. */
export async function execIn(namespace: string, pod: string, ...command: string[]): Promise<string> {
  return await kubectl('exec', '-n', namespace, pod, '--', ...command)
}

/** Runs our own CLI to its end. */
export async function fairlead(args: string[], { input }: { input?: string } = {}): Promise<Outcome> {
  return toOutcome(
    await execa(process.execPath, [cliProgram, ...args], { env, reject: false, ...(input !== undefined && { input }) }),
  )
}

/** How our own CLI is started, for a test that keeps hold of the process. */
export function startFairlead(args: string[]): { file: string; args: string[]; env: Record<string, string> } {
  return { file: process.execPath, args: [cliProgram, ...args], env }
}

/** Runs a program in the node's network namespace. */
export async function onNode(node: NodeLayout, ...command: string[]): Promise<Outcome> {
  return toOutcome(await execa('nsenter', [`--net=${node.netnsPath}`, ...command], { reject: false }))
}

/** Makes an empty namespace for one test file and returns its name; an earlier run's goes first. */
export async function freshNamespace(name: string): Promise<string> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--wait', '--timeout=120s')
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

export interface TestboxOptions {
  namespace: string
  name: string
  replicas?: number
  /** Environment of the server, such as TEXT. */
  env?: Record<string, string>
  nodeName?: string
}

/** A Deployment of testboxes with the facts about themselves in their environment. */
export function testboxDeployment({
  namespace,
  name,
  replicas = 1,
  env: extra = {},
  nodeName,
}: TestboxOptions): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          ...(nodeName !== undefined && { nodeSelector: { 'kubernetes.io/hostname': nodeName } }),
          containers: [testboxContainer(extra)],
        },
      },
    },
  }
}

/** A single testbox on a node of the test's choice. */
export function testboxPod({ namespace, name, env: extra = {}, nodeName }: TestboxOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(nodeName !== undefined && { nodeSelector: { 'kubernetes.io/hostname': nodeName } }),
      containers: [testboxContainer(extra)],
    },
  }
}

function testboxContainer(extra: Record<string, string>): object {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  const facts = [
    field('POD_NAME', 'metadata.name'),
    field('POD_NAMESPACE', 'metadata.namespace'),
    field('NODE_NAME', 'spec.nodeName'),
  ]
  return {
    name: 'testbox',
    image: 'fairlead/testbox:1',
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name: 'http', containerPort: 8080 }],
    env: [...facts, ...Object.entries(extra).map(([name, value]) => ({ name, value }))],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
  }
}

/** A Service in front of the pods labelled app=name. */
export function service(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  }
}
