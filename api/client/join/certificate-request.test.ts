import { expect, test } from 'vitest'
import type { ApiObject, ObjectName, Stored } from '../../objects/object.ts'
import { forbidden, StatusError, serviceUnavailable, unauthorized } from '../../objects/status-error.ts'
import { certificateSigningRequests } from '../../resources/certificate-signing-requests.ts'
import type { ResourceType } from '../../resources/resource.ts'
import { FakeClient } from '../fake-client.ts'
import { type CertificateOptions, clientSigner, requestCertificate } from './certificate-request.ts'

const options: CertificateOptions = {
  signerName: clientSigner,
  commonName: 'system:node:n',
  organizations: ['system:nodes'],
  usages: ['client auth'],
  timeoutMs: 20_000,
}
const brief = { ...options, timeoutMs: 200 }
const signed = { certificate: Buffer.from('signed').toString('base64') }

/** Gives each new request a status at once, and breaks where it is told to. */
class Server extends FakeClient {
  status: object = signed
  /** Called before each request is looked at. */
  before = () => {}
  /** Called when a new object is stored, before that is answered. */
  stored = () => {}

  override async create<T extends ApiObject>(resource: ResourceType<T>, object: T): Promise<Stored<T>> {
    this.before()
    const created = await super.create(resource, { ...object, status: this.status })
    this.stored()
    return created
  }

  override async get<T extends ApiObject>(resource: ResourceType<T>, name: ObjectName): Promise<Stored<T>> {
    this.before()
    return await super.get(resource, name)
  }
}

const throwInTurn = (errors: Error[]) => () => {
  const error = errors.shift()
  if (error !== undefined) throw error
}
const reset = () => new Error('read ECONNRESET')

test.each<[string, Error[]]>([
  ['whose connections break', [reset(), reset()]],
  ['that is only starting', [serviceUnavailable('not yet')]],
  ['that has too much to do', [new StatusError(429, 'TooManyRequests', 'later')]],
])('a server %s is asked again', async (_, failures) => {
  const server = new Server()
  server.before = throwInTurn([...failures])
  expect((await requestCertificate(server, options)).certPem).toBe('signed')
  server.stored = () => {
    server.before = throwInTurn([...failures])
  }
  expect((await requestCertificate(server, options)).certPem).toBe('signed')
})

test('a request whose answer was lost is there once', async () => {
  const server = new Server()
  server.stored = throwInTurn([reset()])
  expect((await requestCertificate(server, options)).certPem).toBe('signed')
  expect((await server.list(certificateSigningRequests)).items).toHaveLength(1)
})

test.each([
  ['unknown', unauthorized()],
  ['not allowed', forbidden(certificateSigningRequests, '', 'no')],
])('who is %s is told at once', async (_, refusal) => {
  const server = new Server()
  server.before = throwInTurn([refusal])
  await expect(requestCertificate(server, options)).rejects.toBe(refusal)
})

test('when there is no certificate in time, the last failure is told, if there was one', async () => {
  const server = new Server()
  server.status = {}
  await expect(requestCertificate(server, brief)).rejects.toThrow(
    /^CertificateSigningRequest node-csr-\w+: nobody signed it within 0.2 s; see kubectl get csr$/,
  )
  server.before = () => {
    throw reset()
  }
  await expect(requestCertificate(server, brief)).rejects.toThrow(
    'the API server did not take it within 0.2 s (read ECONNRESET)',
  )
})

test('what was denied is told at once, with the reason', async () => {
  const server = new Server()
  server.status = { conditions: [{ type: 'Denied', status: 'True', message: 'not yours' }] }
  await expect(requestCertificate(server, options)).rejects.toThrow(
    /^CertificateSigningRequest node-csr-\w+ was denied: not yours$/,
  )
})

test('the end of the caller is no failure of the server', async () => {
  const server = new Server()
  server.status = {}
  const stop = new AbortController()
  server.stored = () => stop.abort(new Error('stopped'))
  await expect(requestCertificate(server, { ...options, signal: stop.signal })).rejects.toThrow('stopped')
})
