// fairlead rollout: follow, list, undo and repeat the rollouts of a Deployment.

import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import type { Deployment } from '../../api/generated/types.ts'
import type { ObjectName, Stored } from '../../api/objects/object.ts'
import { toSelector } from '../../api/objects/selectors.ts'
import { isGone } from '../../api/objects/status-error.ts'
import { deployments } from '../../api/resources/deployments.ts'
import { replicaSets } from '../../api/resources/replica-sets.ts'
import { formatName } from '../discovery.ts'
import { parseDuration } from '../duration.ts'
import { formatYaml } from '../manifests.ts'
import { chooseRevision, describeRollout, listRevisions, templateOf } from '../rollout.ts'
import { inSession, type Session } from '../session.ts'
import { formatLines } from '../table.ts'
import { parseNamedTargets } from '../targets.ts'

type DeploymentName = Required<ObjectName>

const merge = 'application/merge-patch+json'

/** Adds the verb with its parts. */
export function addRollout(program: Command): void {
  const rollout = program.command('rollout').description('follow and change rollouts of deployments')
  rollout
    .command('status <targets...>')
    .description('wait until the rollout is done')
    .option('--timeout <duration>', 'give up after this time, such as 60s', '0')
    .option('--no-watch', 'say how far it is, and end')
    .action(forEach((session, name, options) => status(session, name, options)))
  rollout
    .command('history <targets...>')
    .description('list the revisions')
    .option('--revision <number>', 'show the pod template of one')
    .action(forEach((session, name, options) => history(session, name, options)))
  rollout
    .command('undo <targets...>')
    .description('go back to the revision before, or to another')
    .option('--to-revision <number>', 'this one', '0')
    .action(forEach((session, name, options) => undo(session, name, options)))
  rollout
    .command('restart <targets...>')
    .description('replace all pods, by the rules of a rollout')
    .action(forEach(restart))
  for (const [verb, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    rollout
      .command(`${verb} <targets...>`)
      .description(paused ? 'let changes wait' : 'roll changes out again')
      .action(forEach((session, name) => setPaused(session, name, paused)))
  }
}

interface RolloutOptions {
  timeout?: string
  watch?: boolean
  revision?: string
  toRevision?: string
}

function forEach(act: (session: Session, name: DeploymentName, options: RolloutOptions) => Promise<void>) {
  return inSession(async (session: Session, words: string[], options: RolloutOptions) => {
    for (const { type, name } of await parseNamedTargets(session.discovery, words)) {
      if (type.kind !== 'Deployment') throw new Error(`no rollouts are known of ${type.plural}: name a deployment`)
      await act(session, { namespace: session.namespace, name }, options)
    }
  })
}

async function status(
  { client }: Session,
  { namespace, name }: DeploymentName,
  options: RolloutOptions,
): Promise<void> {
  const timeoutMs = parseDuration(options.timeout ?? '0')
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  let said = ''
  const tell = (deployment: Stored<Deployment>) => {
    const { message, isDone } = describeRollout(deployment)
    if (message !== said) process.stdout.write(`${message}\n`)
    said = message
    return isDone || options.watch === false
  }
  while (signal?.aborted !== true) {
    const now = await client.get(deployments, { namespace, name })
    if (tell(now)) return
    const { resourceVersion } = now.metadata
    const selection = { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion, signal }
    try {
      for await (const { type, object } of client.watch(deployments, selection)) {
        if (type === 'DELETED') throw new Error('object has been deleted')
        if (type !== 'BOOKMARK' && tell(object)) return
      }
    } catch (error) {
      // A server that has started anew knows no changes since then.
      if (!isGone(error)) throw error
    }
  }
  throw new Error('timed out waiting for the condition')
}

async function readRevisions({ client }: Session, name: DeploymentName) {
  const deployment = await client.get(deployments, name)
  const labelSelector = toSelector(deployment.spec.selector).toString()
  const { items } = await client.list(replicaSets, { namespace: name.namespace, labelSelector })
  return { deployment, revisions: listRevisions(deployment, items) }
}

async function history(session: Session, name: DeploymentName, { revision }: RolloutOptions): Promise<void> {
  const { revisions } = await readRevisions(session, name)
  const title = `deployment.apps/${name.name}`
  if (revision !== undefined) {
    const chosen = chooseRevision(revisions, Number(revision), name.name)
    process.stdout.write(`${title} with revision #${revision}\n${formatYaml({ template: templateOf(chosen) })}`)
    return
  }
  const lines = revisions.map(({ number, cause }) => [String(number), cause])
  process.stdout.write(`${title} \n${formatLines([['REVISION', 'CHANGE-CAUSE'], ...lines])}\n`)
}

async function undo(session: Session, name: DeploymentName, { toRevision = '0' }: RolloutOptions): Promise<void> {
  if (!/^\d+$/.test(toRevision)) throw new Error(`--to-revision is a number, not "${toRevision}"`)
  const { deployment, revisions } = await readRevisions(session, name)
  if (deployment.spec.paused === true) {
    throw new Error(
      `you cannot rollback a paused deployment; resume it first with 'fairlead rollout resume deployment/${name.name}'`,
    )
  }
  const template = templateOf(chooseRevision(revisions, Number(toRevision), name.name))
  if (isDeepStrictEqual(template, deployment.spec.template)) {
    process.stdout.write(
      `deployment.apps/${name.name} skipped rollback (current template already matches revision ${toRevision})\n`,
    )
    return
  }
  const patch = [
    { op: 'test', path: '/metadata/resourceVersion', value: deployment.metadata.resourceVersion },
    { op: 'replace', path: '/spec/template', value: template },
  ]
  await session.client.patch(deployments, name, 'application/json-patch+json', patch)
  process.stdout.write(`deployment.apps/${name.name} rolled back\n`)
}

async function restart({ client, discovery }: Session, name: DeploymentName): Promise<void> {
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString().replace(/\.\d+Z$/, 'Z') }
  await client.patch(deployments, name, merge, { spec: { template: { metadata: { annotations } } } })
  process.stdout.write(`${formatName(await discovery.findName('deployments.apps'), name.name)} restarted\n`)
}

async function setPaused({ client }: Session, name: DeploymentName, paused: boolean): Promise<void> {
  await client.patch(deployments, name, merge, { spec: { paused } })
  process.stdout.write(`deployment.apps/${name.name} ${paused ? 'paused' : 'resumed'}\n`)
}
