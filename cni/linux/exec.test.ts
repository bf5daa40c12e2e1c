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
  await expect(run('sleep', ['60'], { signal: limit })).rejects.toMatchObject({ exitCode: undefined })
})
