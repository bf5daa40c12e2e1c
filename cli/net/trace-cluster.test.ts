import { expect, test } from 'vitest'
import { readNumbers } from './trace-cluster.ts'

test('numbers are read as they are written', () => {
  expect(readNumbers({ limit: '8', timeout: '0.5' })).toEqual({ limit: 8, timeoutMs: 500 })
  expect(readNumbers({ limit: '1', timeout: '2', sourcePort: '40000' })).toMatchObject({ sourcePort: 40_000 })
})

test.each([
  [{ limit: '0' }, '--limit 0: must be a whole number from 1'],
  [{ limit: 'all' }, '--limit all: must be'],
  [{ timeout: 'soon' }, '--timeout soon: must be more than 0'],
  [{ timeout: '0' }, '--timeout 0: must be more than 0'],
  [{ sourcePort: 'any' }, '--source-port any: must be 1 to 65535'],
])('what is no number is refused: %j', (more, reason) => {
  expect(() => readNumbers({ limit: '8', timeout: '1', ...more })).toThrow(reason)
})
