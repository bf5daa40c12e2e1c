// fairlead describe: an object, what belongs to it, and its Events, for people.

import type { Command } from 'commander'
import type { Deployment, Node, Pod, ReplicaSet, Service } from '../../api/generated/types.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { endpointSlices } from '../../api/resources/endpoint-slices.ts'
import { events } from '../../api/resources/events.ts'
import { pods } from '../../api/resources/pods.ts'
import { replicaSets } from '../../api/resources/replica-sets.ts'
import { formatEvents } from '../describe/events.ts'
import { describeAny } from '../describe/generic.ts'
import { describeNode } from '../describe/node.ts'
import { describePod } from '../describe/pod.ts'
import { formatSheet, type Row } from '../describe/sheet.ts'
import { describeDeployment, describeReplicaSet, describeService } from '../describe/workload.ts'
import { inSession, type Session } from '../session.ts'
import { parseTargets, type Target } from '../targets.ts'

interface DescribeOptions {
  selector?: string
  allNamespaces?: boolean
  showEvents: boolean
}

/** Adds the verb. */
export function addDescribe(program: Command): void {
  program
    .command('describe <targets...>')
    .description('explain objects with what belongs to them: describe pod web')
    .option('-l, --selector <labels>', 'all with these labels')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--no-show-events', 'without events')
    .action(
      inSession(async (session: Session, words: string[], options: DescribeOptions) => {
        const targets = await parseTargets(session.discovery, words)
        const objects = (await Promise.all(targets.map((target) => expand(session, target, options)))).flat()
        if (objects.length === 0) process.stderr.write(`No resources found in ${session.namespace} namespace.\n`)
        const texts = await Promise.all(objects.map((object) => describe(session, object, options)))
        process.stdout.write(texts.join('\n\n'))
      }),
    )
}

async function expand({ client, namespace }: Session, { type, name }: Target, options: DescribeOptions) {
  if (name !== undefined) return [await client.get<ApiObject>(type, { namespace, name })]
  const where = options.allNamespaces === true ? {} : { namespace }
  return (await client.list<ApiObject>(type, { ...where, labelSelector: options.selector })).items
}

async function describe(session: Session, object: Stored<ApiObject>, { showEvents }: DescribeOptions): Promise<string> {
  const [rows, listed] = await Promise.all([toRows(session, object), showEvents ? findEvents(session, object) : []])
  return formatSheet(rows) + (showEvents ? formatEvents(listed, Date.now()) : '')
}

/** The kind decides what else is worth telling; kinds are told apart by name, so their types are asserted here alone. */
async function toRows({ client }: Session, object: Stored<ApiObject>): Promise<Row[]> {
  const { name, namespace } = object.metadata
  switch (`${object.apiVersion} ${object.kind}`) {
    case 'v1 Pod':
      return describePod(object as Stored<Pod>)
    case 'v1 Node': {
      const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` })
      return describeNode(object as Stored<Node>, items)
    }
    case 'v1 Service': {
      const labelSelector = `kubernetes.io/service-name=${name}`
      const { items } = await client.list(endpointSlices, { namespace, labelSelector })
      return describeService(object as Stored<Service>, items)
    }
    case 'apps/v1 Deployment':
      return describeDeployment(object as Stored<Deployment>, (await client.list(replicaSets, { namespace })).items)
    case 'apps/v1 ReplicaSet':
      return describeReplicaSet(object as Stored<ReplicaSet>)
    default:
      return describeAny(object)
  }
}

async function findEvents({ client }: Session, { kind, metadata }: Stored<ApiObject>) {
  const { name, namespace } = metadata
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name}`
  const { items } = await client.list(events, { namespace, fieldSelector })
  return items.filter(({ involvedObject: { uid } }) => uid === undefined || uid === metadata.uid || uid === name)
}
