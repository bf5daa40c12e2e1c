import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'

/** Says "begun", and when it is interrupted that to nobody on stderr, and then "taken back". */
const program = `
import { setTimeout as sleep } from 'node:timers/promises'
import { withInterruption } from ${JSON.stringify(new URL('interruption.ts', import.meta.url).href)}
await withInterruption(async (signal) => {
  console.log('begun')
  await sleep(60_000, undefined, { signal }).catch(() => undefined)
  for (let line = 0; line < 3; line++) await new Promise((done) => process.stderr.write('taking back', done))
  console.log(signal.reason.message)
}).then(() => console.log('taken back'))`

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s does not end what takes back its doings, though nobody reads',
  async (name) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program])
    child.stderr.destroy()
    child.stdout.once('data', () => child.kill(name))
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    expect([said, code]).toEqual(['begun\ninterrupted\ntaken back\n', 0])
  },
)

/** Starts a program that takes its time, and says what came of it. */
const programOf = (folder: string) => `
import { run } from ${JSON.stringify(new URL('../cni/linux/exec.ts', import.meta.url).href)}
import { withInterruption } from ${JSON.stringify(new URL('interruption.ts', import.meta.url).href)}
await withInterruption(async () => {
  const script = 'touch begun; until [ -e end ]; do sleep 0.05; done; echo whole'
  process.stdout.write(await run('sh', ['-c', \`cd ${folder}; \${script}\`]))
})`

test('Ctrl-C, which all programs of the terminal get, ends none that was started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fl-test-interruption-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  // A group of its own, as a shell with a terminal makes it.
  const child = spawn(process.execPath, ['--input-type=module', '--eval', programOf(folder)], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await vi.waitFor(() => expect(existsSync(join(folder, 'begun'))).toBe(true), { timeout: 20_000 })
  process.kill(-(child.pid ?? 0), 'SIGINT')
  writeFileSync(join(folder, 'end'), '')
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  expect([said, code]).toEqual(['whole\n', 0])
})
