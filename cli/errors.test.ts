import { expect, test } from 'vitest'
import { forbidden, invalid, notFound, StatusError, unauthorized } from '../api/objects/status-error.ts'
import { deployments } from '../api/resources/deployments.ts'
import { pods } from '../api/resources/pods.ts'
import { ExitError, formatError } from './errors.ts'

const wrong = (field: string) => ({ reason: 'FieldValueRequired' as const, field, message: 'Required value' })

test.each([
  [notFound(pods, 'x'), 'Error from server (NotFound): pods "x" not found'],
  [forbidden(pods, 'x', 'no'), 'Error from server (Forbidden): pods "x" is forbidden: no'],
  [unauthorized(), 'error: You must be logged in to the server (Unauthorized)'],
  [new StatusError(502, 'Unknown', 'bad gateway'), 'Error from server: bad gateway'],
  [
    invalid(deployments, 'web', [wrong('spec.selector')]),
    'The Deployment "web" is invalid: spec.selector: Required value',
  ],
  [
    invalid(deployments, 'web', [wrong('spec.selector'), wrong('spec.template')]),
    'The Deployment "web" is invalid: \n* spec.selector: Required value\n* spec.template: Required value',
  ],
  [new Error('no such file'), 'error: no such file'],
  [new ExitError(3, 'command terminated with exit code 3'), 'command terminated with exit code 3'],
  [
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }),
    'The connection to the server was refused (connect ECONNREFUSED 127.0.0.1:1) - did you specify the right host or port?',
  ],
])("%s is told in kubectl's words", (error, text) => {
  expect(formatError(error)).toBe(text)
})
