import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CommandError, run } from './exec.ts'

test('what a program says is returned whole, also of long input', async () => {
  const input = 'a line\n'.repeat(200_000)
  expect(await run('cat', [], { input })).toBe(input)
})

test('a failure has the exit code and the words of stderr', async () => {
  const failure = await run('sh', ['-c', 'echo "no way" >&2; exit 3']).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(CommandError)
  expect(failure).toMatchObject({ exitCode: 3, stderr: 'no way\n', message: expect.stringContaining('no way') })
})

test('a program that is not there has no exit code', async () => {
  await expect(run('no-such-program', [])).rejects.toMatchObject({ exitCode: undefined, code: 'COMMAND_FAILED' })
})

test('a program that a signal ended is told as such', async () => {
  await expect(run('sh', ['-c', 'kill -INT $$'])).rejects.toThrow('sh -c kill -INT $$: ended by SIGINT')
})

test('a program that ends before it has read its input is judged by its exit code', async () => {
  const input = 'x'.repeat(1_000_000)
  expect(await run('true', [], { input })).toBe('')
  await expect(run('false', [], { input })).rejects.toMatchObject({ exitCode: 1 })
})

test('words on stderr are a failure where the caller says so', async () => {
  expect(await run('sh', ['-c', 'echo hm >&2'])).toBe('')
  await expect(run('sh', ['-c', 'echo hm >&2'], { strict: true })).rejects.toThrow('hm')
})

test('an abort ends the program', async () => {
  const limit = AbortSignal.timeout(100)
  await expect(run('sleep', ['60'], { signal: limit })).rejects.toMatchObject({
    exitCode: undefined,
    message: 'sleep 60: broken off',
  })
})

test('long input is read whole, or not at all, also when this process is killed meanwhile', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-exec-'))
  const counted = join(dir, 'counted')
  // The reader waits until its parent is gone.
  const program = `
    const { run } = await import(${JSON.stringify(join(import.meta.dirname, 'exec.ts'))})
    const reader = 'echo; while [ $(ps -o ppid= -p $$) -eq ' + process.pid + ' ]; do sleep 0.05; done; wc -c > ${counted}; mv ${counted} ${counted}-all'
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200)
    await run('sh', ['-c', reader], { input: 'x'.repeat(1_000_000) })`
  try {
    await once(spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' }), 'exit')
    const size = await run('sh', ['-c', `while [ ! -e ${counted}-all ]; do sleep 0.05; done; cat ${counted}-all`])
    expect(Number(size)).toBe(1_000_000)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
