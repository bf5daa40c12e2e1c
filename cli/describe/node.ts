// A node in words: its condition, its size, and what runs on it.

import type { Node, Pod } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { addQuantities, formatQuantity, parseQuantity, type Quantity, toMilli } from '../../api/objects/quantity.ts'
import { formatLines } from '../table.ts'
import { describeMeta } from './generic.ts'
import { listPairs, type Row } from './sheet.ts'

/** Rows of a Node. */
export function describeNode({ metadata, spec, status = {} }: Stored<Node>, pods: readonly Stored<Pod>[]): Row[] {
  const { nodeInfo } = status
  const roles = Object.keys(metadata.labels ?? {}).flatMap((label) => label.split('node-role.kubernetes.io/')[1] ?? [])
  const running = pods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
  const [name, ...meta] = describeMeta(metadata)
  return [
    ...(name === undefined ? [] : [name]),
    ['Roles', roles.join(',')],
    ...meta,
    ['CreationTimestamp', metadata.creationTimestamp],
    [
      'Taints',
      (spec.taints ?? []).map(({ key, value = '', effect }) => `${key}${value === '' ? '' : `=${value}`}:${effect}`),
    ],
    ['Unschedulable', String(spec.unschedulable === true)],
    ['Conditions', table(status.conditions ?? [])],
    ['Addresses', (status.addresses ?? []).map(({ type, address }): Row => [type, address])],
    ['Capacity', toRows(status.capacity)],
    ['Allocatable', toRows(status.allocatable)],
    ['System Info', Object.entries(nodeInfo ?? {}).map(([field, value]): Row => [field, String(value)])],
    ['PodCIDR', spec.podCIDR],
    ['PodCIDRs', spec.podCIDRs?.join(',')],
    [`Non-terminated Pods (${running.length} in total)`, listPods(running)],
    ['Allocated resources', sumRequests(running, status.allocatable ?? {})],
  ]
}

const toRows = (amounts: Record<string, string> = {}) =>
  listPairs(amounts).map((pair): Row => [pair.split('=')[0] ?? '', pair.split('=')[1]])

function table(conditions: NonNullable<NonNullable<Node['status']>['conditions']>): string[] {
  if (conditions.length === 0) return []
  const lines = conditions.map(({ type, status, reason = '', message = '' }) => [type, status, reason, message])
  return ['', ...toLines([['Type', 'Status', 'Reason', 'Message'], ...lines])]
}

function listPods(pods: readonly Stored<Pod>[]): string[] {
  if (pods.length === 0) return []
  const lines = pods.map(({ metadata, status }) => [metadata.namespace ?? '', metadata.name, status?.podIP ?? ''])
  return ['', ...toLines([['Namespace', 'Name', 'IP'], ...lines])]
}

const toLines = (lines: string[][]) => formatLines(lines).trimEnd().split('\n')

function sumRequests(pods: readonly Stored<Pod>[], allocatable: Record<string, string>): Row[] {
  const containers = pods.flatMap(({ spec }) => spec.containers)
  return ['cpu', 'memory'].map((name): Row => {
    const requests = containers.map(({ resources }) => resources?.requests?.[name] ?? '0')
    const total = requests.reduce<Quantity>((sum, amount) => addQuantities(sum, amount), parseQuantity('0'))
    const all = toMilli(allocatable[name] ?? '0')
    return [name, `${formatQuantity(total)} (${all === 0 ? 0 : Math.floor((100 * toMilli(total)) / all)}%)`]
  })
}
