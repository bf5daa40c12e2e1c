import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type AttachmentRecord, AttachmentRecords } from './attachments.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fairlead-attachments-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const record: AttachmentRecord = {
  sandboxId: 'whole',
  netns: '/proc/1/ns/net',
  config: { cniVersion: '1.1.0', name: 'fairlead', plugins: [] },
  args: {},
  capabilities: {},
}

test('a record that a power cut left without its text is none, and keeps nobody from reading the others', async () => {
  const records = new AttachmentRecords(directory)
  await records.write(record)
  writeFileSync(join(directory, 'empty.json'), '')
  writeFileSync(join(directory, 'zeroes.json'), Buffer.alloc(64))
  expect(await records.list()).toEqual([record])
  expect(await records.read('empty')).toBeUndefined()
})
