import { expect, test } from 'vitest'
import { ignore, isConflict, isNotFound, notFound, StatusError } from './status-error.ts'

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

test('what is ignored is what was named, and nothing else', async () => {
  const missing = notFound({ plural: 'pods', group: '', kind: 'Pod' }, 'web')
  expect(await Promise.reject(missing).catch(ignore(isConflict, isNotFound))).toBeUndefined()
  await expect(Promise.reject(missing).catch(ignore(isConflict))).rejects.toBe(missing)
  await expect(Promise.reject(new Error('broken')).catch(ignore(isNotFound))).rejects.toThrow('broken')
})
