import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import { memoryVolumeBytes } from './memory-size.ts'

const mebibyte = 2 ** 20
const withLimits = (...limits: (string | undefined)[]) => ({
  containers: limits.map((memory, index) => ({
    name: `c${index}`,
    ...(memory !== undefined && { resources: { limits: { memory } } }),
  })),
})
const withLimitsOfInit = (memory: string, restartPolicy?: string) => ({
  ...withLimits('8Mi'),
  initContainers: [
    { name: 's', resources: { limits: { memory } }, ...(restartPolicy !== undefined && { restartPolicy }) },
  ],
})

test.each<[string, PodSpec, string | undefined, { memory?: string }, number | undefined]>([
  ['its own limit', withLimits(undefined), '1Mi', { memory: '1Gi' }, mebibyte],
  ['what the node gives to pods', withLimits(undefined), undefined, { memory: '1Gi' }, 1024 * mebibyte],
  ['what the node gives, whatever it asks for', withLimits(undefined), '2Gi', { memory: '1Gi' }, 1024 * mebibyte],
  ['the limits of all containers together', withLimits('8Mi', '8Mi'), '1Gi', { memory: '1Gi' }, 16 * mebibyte],
  [
    'no pod limit where a sidecar has none',
    { ...withLimits('8Mi'), initContainers: [{ name: 's', restartPolicy: 'Always' }] },
    undefined,
    {},
    undefined,
  ],
  ['the limits of sidecars too', withLimitsOfInit('4Mi', 'Always'), undefined, {}, 12 * mebibyte],
  [
    'the limit of an init container that needs more than all others',
    withLimitsOfInit('20Mi'),
    undefined,
    {},
    20 * mebibyte,
  ],
  ['no pod limit where a container has none', withLimits('8Mi', undefined), '32Mi', { memory: '1Gi' }, 32 * mebibyte],
  ['the kernel’s choice when nothing is known', withLimits(undefined), undefined, {}, undefined],
])('a volume in memory has %s', (_, spec, sizeLimit, allocatable, expected) => {
  expect(memoryVolumeBytes(spec, sizeLimit, allocatable)).toBe(expected)
})
