import { expect, test } from 'vitest'
import type { NetworkPolicy, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { toPolicyPod } from './pod.ts'
import { PolicyTable } from './table.ts'

type Spec = NonNullable<NetworkPolicy['spec']>

const meta = (namespace: string, name: string) => ({
  namespace,
  name,
  uid: name,
  resourceVersion: '1',
  creationTimestamp: '',
})
const policy = (name: string, spec: Spec): Stored<NetworkPolicy> => ({
  metadata: meta('default', name),
  spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec },
})

interface PodFacts {
  namespace?: string
  labels?: Record<string, string>
  node?: string
  ip?: string
  phase?: string
  hostNetwork?: boolean
}

function pod(name: string, facts: PodFacts = {}): Stored<Pod> {
  const { namespace = 'default', labels = { app: name }, node = 'here', ip = '10.244.0.2', phase = 'Running' } = facts
  return {
    metadata: { ...meta(namespace, name), labels },
    spec: {
      nodeName: node,
      ...(facts.hostNetwork === true && { hostNetwork: true }),
      containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }],
      initContainers: [
        { name: 'init', ports: [{ name: 'http', containerPort: 1 }] },
        { name: 'proxy', restartPolicy: 'Always', ports: [{ name: 'admin', containerPort: 15000 }] },
      ],
    },
    status: { phase, podIP: ip },
  }
}

function tableWith(pods: Stored<Pod>[], policies: Stored<NetworkPolicy>[] = []): PolicyTable {
  const table = new PolicyTable()
  table.setNamespace('default', { team: 'red' })
  for (const each of policies) table.setPolicy(`default/${each.metadata.name}`, each)
  for (const each of pods) setPod(table, each)
  return table
}

function setPod(table: PolicyTable, object: Stored<Pod>, ips: string[] = []): void {
  table.setPod(`${object.metadata.namespace}/${object.metadata.name}`, toPolicyPod(object, 'here', ips))
}

test('without policies nothing is wanted of any pod', () => {
  expect(tableWith([pod('web')]).takeChanges()).toEqual({ policies: new Map(), pods: new Map() })
})

test('a policy isolates the pods of its namespace that its selector fits, on this node alone', () => {
  const deny = policy('deny', { podSelector: { matchLabels: { app: 'web' } } })
  const elsewhere = pod('web', { namespace: 'other', ip: '10.244.0.4' })
  const { pods } = tableWith([pod('web'), pod('db', { ip: '10.244.0.3' }), elsewhere], [deny]).takeChanges()
  expect([...pods.keys()]).toEqual(['default/web'])
  expect(pods.get('default/web')).toMatchObject({
    ips: ['10.244.0.2'],
    isolation: { ingress: ['default/deny'], egress: [] },
  })
  expect(tableWith([pod('web', { node: 'there' })], [deny]).takeChanges().pods.size).toBe(0)
})

test('pods of other nodes are members of the groups that policies name, and so are local ones', () => {
  const allow = policy('allow', { ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'red' } } }] }] })
  const { pods } = tableWith([pod('far', { node: 'there', ip: '10.244.1.2' })], [allow]).takeChanges()
  expect(pods.get('default/far')?.groups).toEqual(['pods * of namespaces team=red'])
})

test('equal selectors make one group, however they are written and whoever names them', () => {
  const one = policy('one', { ingress: [{ from: [{ podSelector: { matchLabels: { app: 'db' } } }] }] })
  const other = policy('other', {
    ingress: [{ from: [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] } }] }],
  })
  expect(
    tableWith([pod('db')], [one, other])
      .takeChanges()
      .pods.get('default/db')?.groups,
  ).toEqual(['pods app=db of default'])
})

test('pods on the network of the node, pods that have ended and pods without an address are nobody', () => {
  const allow = policy('allow', { ingress: [{ from: [{ podSelector: {} }] }] })
  const nobodies = [
    pod('host', { hostNetwork: true }),
    pod('done', { phase: 'Succeeded' }),
    pod('failed', { phase: 'Failed' }),
    pod('new', { ip: '' }),
  ]
  expect(tableWith(nobodies, [allow]).takeChanges().pods.size).toBe(0)
})

test('addresses that this node gave out count before the API knows them', () => {
  const table = tableWith([], [policy('deny', {})])
  setPod(table, pod('new', { ip: '' }), ['10.244.0.9', 'FD00:0::9'])
  expect(table.takeChanges().pods.get('default/new')?.ips).toEqual(['10.244.0.9', 'fd00::9'])
})

test('a pod that is on another node now has its address there, beside that of a sandbox left here', () => {
  const table = tableWith([], [policy('deny', {})])
  setPod(table, pod('moved', { node: 'there', ip: '10.244.1.9' }), ['10.244.0.9'])
  expect(table.takeChanges().pods.get('default/moved')?.ips).toEqual(['10.244.0.9', '10.244.1.9'])
})

test('what a node reports as an address and is none counts for nothing', () => {
  const table = tableWith([], [policy('deny', {})])
  setPod(table, pod('odd', { node: 'there', ip: 'elsewhere' }))
  setPod(table, pod('web'))
  expect([...table.takeChanges().pods.keys()]).toEqual(['default/web'])
})

test('ports that a policy calls by name are those of containers that run together', () => {
  const named = policy('named', { ingress: [{ ports: [{ port: 'http' }, { port: 'admin' }] }] })
  expect(
    tableWith([pod('web')], [named])
      .takeChanges()
      .pods.get('default/web')?.ports,
  ).toEqual([
    { name: 'http', protocol: 'tcp', port: 8080 },
    { name: 'admin', protocol: 'tcp', port: 15000 },
  ])
})

test('a change says only what came out differently', () => {
  const table = tableWith(
    [pod('web'), pod('db', { ip: '10.244.0.3' })],
    [policy('deny', { podSelector: { matchLabels: { app: 'web' } } })],
  )
  table.takeChanges()
  setPod(table, { ...pod('web'), status: { phase: 'Running', podIP: '10.244.0.2', message: 'still' } })
  table.setPolicy('default/deny', policy('deny', { podSelector: { matchLabels: { app: 'web' } } }))
  table.setNamespace('default', { team: 'blue' })
  expect(table.takeChanges()).toEqual({ policies: new Map(), pods: new Map() })

  setPod(table, pod('db', { ip: '10.244.0.3', labels: { app: 'web' } }))
  expect([...table.takeChanges().pods.keys()]).toEqual(['default/db'])
})

test('a new policy is joined by the pods it names, and its deletion frees everybody', () => {
  const table = tableWith([pod('web'), pod('db', { ip: '10.244.0.3' })])
  table.takeChanges()
  const allow = policy('allow', {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'db' } } }] }],
  })
  table.setPolicy('default/allow', allow)
  expect([...table.takeChanges().pods.keys()].sort()).toEqual(['default/db', 'default/web'])
  table.setPolicy('default/allow', undefined)
  expect(table.takeChanges()).toEqual({
    policies: new Map([['default/allow', undefined]]),
    pods: new Map([
      ['default/web', undefined],
      ['default/db', undefined],
    ]),
  })
})

test('members follow the labels of their namespace, and one that nobody has heard of has none', () => {
  const table = tableWith(
    [pod('far', { namespace: 'other', node: 'there' })],
    [
      policy('allow', {
        ingress: [{ from: [{ namespaceSelector: { matchExpressions: [{ key: 'old', operator: 'DoesNotExist' }] } }] }],
      }),
    ],
  )
  expect(table.takeChanges().pods.size).toBe(0)
  table.setNamespace('other', {})
  expect(table.takeChanges().pods.get('other/far')?.groups).toHaveLength(1)
  table.setNamespace('other', { old: 'yes' })
  expect(table.takeChanges().pods).toEqual(new Map([['other/far', undefined]]))
})
