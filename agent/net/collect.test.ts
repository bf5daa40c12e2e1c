import { expect, test, vi } from 'vitest'
import { CommandError } from '../../cni/linux/exec.ts'
import { collectState } from './collect.ts'

/** As on a host where something else has loaded the module. */
vi.mock('../../cni/linux/ipvs.ts', async (original) => ({
  ...(await original<object>()),
  saveVirtualServers: () => Promise.reject(new CommandError('ipvsadm -Sn', undefined, '', new Error('ENOENT'))),
}))

test('a program that the host lacks is a gap in the picture', async () => {
  const { ipvs, gaps } = await collectState({ place: { node: 'node-1' } })
  expect(ipvs).toBe('')
  expect(gaps).toContain('ipvs: ipvsadm -Sn: not started')
})
