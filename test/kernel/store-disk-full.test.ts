import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { run } from '../../cni/linux/exec.ts'

const directory = mkdtempSync(join(tmpdir(), 'fl-test-store-'))
afterAll(() => rmSync(directory, { recursive: true }))

test('a full disk refuses writes, loses none that was acknowledged, and takes writes again when there is room', async () => {
  // A mount namespace of its own: the small disk goes with the process.
  const script = 'mount -t tmpfs -o size=3m none "$0" && exec "$1" "$2" "$0/data"'
  const program = join(import.meta.dirname, 'fill-disk', 'main.ts')
  const stdout = await run('unshare', ['--mount', 'sh', '-c', script, directory, process.execPath, program])
  const outcome = JSON.parse(stdout)
  expect(outcome.acknowledged).toBeGreaterThan(50)
  expect(outcome).toEqual({
    refusal: 'Error: cannot write to the store',
    acknowledged: outcome.acknowledged,
    listed: outcome.acknowledged,
    listedAfterDeletion: outcome.acknowledged - 1,
    revisionIsKept: true,
  })
})
