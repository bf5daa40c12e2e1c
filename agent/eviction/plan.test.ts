import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import type { StoredPod } from '../pods/pod.ts'
import { makePod, makeTemplate } from '../pods/test-pods.ts'
import { chooseVictim, describeEviction, refuseUnderPressure } from './plan.ts'

const mebibyte = 1024 * 1024

function pod(name: string, spec: Partial<PodSpec> & { memory?: string } = {}): StoredPod {
  const { memory, ...rest } = spec
  const resources = memory === undefined ? {} : { requests: { memory } }
  const made = makePod({ containers: [makeTemplate('app', { resources })], ...rest })
  return { ...made, metadata: { ...made.metadata, name, uid: name } }
}

const nameOf = (usages: Parameters<typeof chooseVictim>[0]) => chooseVictim(usages)?.pod.metadata.name
const using = (each: StoredPod, mebibytes: number) => ({ pod: each, memoryBytes: mebibytes * mebibyte })

test('who uses more than was asked for goes before who uses much', () => {
  const modest = using(pod('modest', { memory: '500Mi' }), 400)
  const greedy = using(pod('greedy', { memory: '50Mi' }), 60)
  expect(nameOf([modest, greedy])).toBe('greedy')
})

test('among those the lower priority goes first, then the larger excess', () => {
  const important = using(pod('important', { priority: 1000 }), 500)
  const small = using(pod('small'), 20)
  const large = using(pod('large', { memory: '100Mi' }), 140)
  expect(nameOf([important, small, large])).toBe('large')
  expect(nameOf([important])).toBe('important')
})

test('the system’s own pods stay, and those that end anyway are not chosen again', () => {
  const ending = pod('ending')
  ending.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
  const failed = { ...pod('failed'), status: { phase: 'Failed' } }
  expect(nameOf([using(pod('dns', { priority: 2_000_000_000 }), 500), using(ending, 300), using(failed, 300)])).toBe(
    undefined,
  )
})

test('the message has both figures of the node and of the pod', () => {
  const victim = using(pod('greedy', { memory: '50Mi' }), 60)
  expect(describeEviction(victim, 80 * mebibyte, 100 * mebibyte)).toEqual({
    reason: 'Evicted',
    message:
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. The pod was using 60Mi, request is 50Mi.',
  })
})

const short = { memory: true, disk: false, pids: false }

test('a node short of memory takes pods that have reserved some, and no others', () => {
  expect(refuseUnderPressure(pod('reserved', { memory: '10Mi' }), short)).toBe(undefined)
  expect(refuseUnderPressure(pod('any'), short)).toEqual({
    reason: 'Evicted',
    message: 'Pod was rejected: The node had condition: [MemoryPressure].',
  })
  const tolerations = [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' }]
  expect(refuseUnderPressure(pod('bold', { tolerations }), short)).toBe(undefined)
})

test('a node short of disk takes none but the system’s', () => {
  const full = { memory: false, disk: true, pids: false }
  expect(refuseUnderPressure(pod('reserved', { memory: '10Mi' }), full)?.message).toContain('[DiskPressure]')
  expect(refuseUnderPressure(pod('dns', { priority: 2_000_001_000 }), full)).toBe(undefined)
})
