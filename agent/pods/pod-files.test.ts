import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFileMounts, readTerminationMessage, writeNetworkFiles } from './pod-files.ts'
import { makePod, makeTemplate } from './test-pods.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-pod-files-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('of a long termination message the end is read, of none nothing', async () => {
  expect(await readTerminationMessage(directory, 'app', 0)).toBeUndefined()
  const mounts = await makeFileMounts(directory, makeTemplate('app'), 0)
  expect(await readTerminationMessage(directory, 'app', 0)).toBeUndefined()
  const message = mounts.find(({ containerPath }) => containerPath === '/dev/termination-log')?.hostPath ?? ''
  writeFileSync(message, `${'x'.repeat(5000)}the reason`)
  expect(await readTerminationMessage(directory, 'app', 0)).toBe(`${'x'.repeat(4086)}the reason`)
})

test('a pod on the host network knows the names that its node knows', async () => {
  const dns = { clusterDomain: 'cluster.local', nodeResolvConf: '' }
  await writeNetworkFiles(directory, makePod({ hostNetwork: true }), ['192.0.2.1'], dns)
  expect(readFileSync(join(directory, 'etc-hosts'), 'utf8').trim()).toBe(readFileSync('/etc/hosts', 'utf8').trim())
})
