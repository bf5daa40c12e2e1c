import { expect, test } from 'vitest'
import type { PodSpec } from '../../api/generated/types.ts'
import { refusePod, requestOf } from './admission.ts'
import { makePod, makeTemplate } from './test-pods.ts'

const allocatable = { cpu: '2', memory: '1Gi', pods: '2' }
const asking = (cpu: string) => ({ containers: [makeTemplate('app', { resources: { requests: { cpu } } })] })
const onPort = (hostPort: number, hostIP?: string) => ({
  containers: [makeTemplate('app', { ports: [{ containerPort: 80, hostPort, hostIP }] })],
})

function pod(name: string, spec: Partial<PodSpec>, phase = 'Running') {
  const made = makePod(spec, { phase })
  return { ...made, metadata: { ...made.metadata, name, uid: name } }
}

test.each<[string, Partial<PodSpec>, Partial<PodSpec>[], string | undefined]>([
  ['a pod that fits', asking('1'), [asking('1')], undefined],
  ['too much cpu beside another', asking('1500m'), [asking('1')], 'OutOfcpu'],
  ['one pod too many', {}, [{}, {}], 'OutOfpods'],
  ['a host port that is taken', onPort(80), [onPort(80)], 'NodePorts'],
  ['the same port on another address', onPort(80, '192.0.2.1'), [onPort(80, '192.0.2.2')], undefined],
])('%s', (_, spec, others, reason) => {
  const live = others.map((other, index) => pod(`other-${index}`, other))
  expect(refusePod(pod('new', spec), live, allocatable)?.reason).toBe(reason)
})

test('pods that have ended take nothing', () => {
  expect(refusePod(pod('new', asking('2')), [pod('old', asking('2'), 'Succeeded')], allocatable)).toBeUndefined()
})

test('a pod reserves its hungriest init container if that is more than all apps and sidecars together', () => {
  const template = (name: string, cpu: string, restartPolicy?: string) =>
    makeTemplate(name, { resources: { requests: { cpu } }, restartPolicy })
  const initContainers = [template('side', '500m', 'Always'), template('init', '2')]
  expect(requestOf(makePod({ initContainers, containers: [template('app', '1')] }), 'cpu')).toBe(2500)
})
