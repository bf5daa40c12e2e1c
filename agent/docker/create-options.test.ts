import { expect, test } from 'vitest'
import { makeContainerSpec, makeSandboxSpec } from '../runtime/runtime.cases.ts'
import { toCgroupParent } from './cgroup-parent.ts'
import { toContainerOptions, toSandboxOptions } from './create-options.ts'
import { annotationsOf, attemptOf, podOf, podUidLabel } from './labels.ts'

const pod = { name: 'web', namespace: 'shop', uid: 'u1' }

function containerOf(sandboxChanges: object, changes: object = {}) {
  const { Labels = {} } = toSandboxOptions(makeSandboxSpec({ pod, ...sandboxChanges }), 'pause')
  return toContainerOptions({ id: 's1', pod }, Labels, makeContainerSpec({ id: 'i1' }, changes), '/kubepods/podu1')
}

test('names say whose container it is and which attempt', () => {
  expect(toSandboxOptions(makeSandboxSpec({ pod, attempt: 2 }), 'pause').name).toBe('k8s_POD_web_shop_u1_2')
  expect(containerOf({}, { name: 'app', attempt: 1 }).name).toBe('k8s_app_web_shop_u1_1')
})

test('a pod’s own labels cannot pose as the runtime’s', () => {
  const { Labels = {} } = toSandboxOptions(makeSandboxSpec({ pod, labels: { app: 'a', [podUidLabel]: 'u2' } }), 'pause')
  expect(Labels.app).toBe('a')
  expect(podOf(Labels)).toEqual(pod)
})

test('attempts and annotations come back from labels', () => {
  const { Labels = {} } = containerOf({}, { attempt: 7, annotations: { a: 'b=c' } })
  expect([attemptOf(Labels), annotationsOf(Labels)]).toEqual([7, { a: 'b=c' }])
})

test.each([
  [{}, { NetworkMode: 'container:s1', IpcMode: 'container:s1', PidMode: undefined, UTSMode: undefined }],
  [{ sharePid: true }, { PidMode: 'container:s1' }],
  [{ hostPid: true }, { PidMode: 'host' }],
  [{ hostIpc: true }, { IpcMode: 'host' }],
  [{ network: 'node' }, { NetworkMode: 'container:s1', UTSMode: 'host' }],
])('containers of a sandbox with %o join the right namespaces', (sandbox, expected) => {
  const { HostConfig = {} } = containerOf(sandbox)
  for (const [name, value] of Object.entries(expected))
    expect(Object.entries(HostConfig).find(([n]) => n === name)?.[1]).toBe(value)
})

test('a host name is not given where Docker refuses it', () => {
  expect(toSandboxOptions(makeSandboxSpec({ network: 'node' }), 'pause').Hostname).toBeUndefined()
  expect(toSandboxOptions(makeSandboxSpec({ hostname: 'web' }), 'pause').Hostname).toBe('web')
})

test('a command replaces the image’s, arguments alone keep its entry point', () => {
  expect(containerOf({}, { command: ['a'], args: ['b'] })).toMatchObject({ Entrypoint: ['a'], Cmd: ['b'] })
  expect(containerOf({}, { args: ['b'] }).Entrypoint).toBeUndefined()
})

test('memory is limited with swap, and log files are counted only with a size', () => {
  const limited = containerOf({}, { resources: { memoryLimitBytes: 1000 }, logMaxFiles: 3 })
  expect(limited.HostConfig).toMatchObject({ Memory: 1000, MemorySwap: 1000, LogConfig: { Config: {} } })
  const rotated = containerOf({}, { logMaxSizeBytes: 500, logMaxFiles: 3 })
  expect(rotated.HostConfig?.LogConfig?.Config).toEqual({ 'max-size': '500', 'max-file': '3' })
})

test('cgroups are paths to cgroupfs and slices to systemd', () => {
  expect(toCgroupParent('/kubepods/burstable/podu-1', 'cgroupfs')).toBe('/kubepods/burstable/podu-1')
  expect(toCgroupParent('/kubepods/burstable/podu-1', 'systemd')).toBe('kubepods-burstable-podu_1.slice')
})
