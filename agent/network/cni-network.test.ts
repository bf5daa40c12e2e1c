import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AttachmentRecords } from './attachments.ts'
import { CniNetwork } from './cni-network.ts'

let dataDir = ''
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'fairlead-cni-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

test('a sandbox that cannot be detached keeps none of the others from being collected', async () => {
  const records = new AttachmentRecords(join(dataDir, 'attachments'))
  for (const sandboxId of ['a', 'b', 'c', 'd']) {
    const plugins = ['b', 'c'].includes(sandboxId) ? [{ type: 'no-such-plugin' }] : []
    const config = { cniVersion: '1.1.0', name: 'mine', plugins }
    await records.write({ sandboxId, netns: '/proc/none', config, args: {}, capabilities: {} })
  }
  const network = new CniNetwork({
    confDir: join(dataDir, 'conf'),
    binDirs: [dataDir],
    dataDir,
    onError: () => undefined,
  })
  await expect(network.collectGarbage(new Set())).rejects.toThrow('CNI plugin "no-such-plugin" is in none of')
  expect((await records.list()).map(({ sandboxId }) => sandboxId).sort()).toEqual(['b', 'c'])
})
