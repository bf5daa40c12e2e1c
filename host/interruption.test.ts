import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

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
