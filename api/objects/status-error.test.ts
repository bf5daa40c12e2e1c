import { expect, test } from 'vitest'
import { StatusError } from './status-error.ts'

test('an error that a server answered is the same when it is answered again', () => {
  const status = {
    apiVersion: 'v1',
    kind: 'Status',
    metadata: { continue: 'token' },
    status: 'Failure',
    message: 'the continue parameter is too old',
    reason: 'Expired',
    code: 410,
  }
  expect(StatusError.from(status).status).toEqual(status)
})
