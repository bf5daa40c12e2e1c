import { expect, test } from 'vitest'
import { decodeProtobuf } from './decode.ts'

const field = (number: number, bytes: Buffer | string) => {
  const content = Buffer.from(bytes)
  return Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content])
}
const wrap = (apiVersion: string, kind: string, raw: Buffer) =>
  Buffer.concat([Buffer.from('k8s\0'), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw)])

test('a ConfigMap is read with its name, labels and data; empty fields are left out', () => {
  const entry = (key: string, value: string) => Buffer.concat([field(1, key), field(2, value)])
  const metadata = Buffer.concat([field(1, 'web'), field(2, ''), field(11, entry('app', 'web'))])
  const raw = Buffer.concat([field(1, metadata), field(2, entry('a', '1')), field(2, entry('b', '2'))])
  expect(decodeProtobuf(wrap('v1', 'ConfigMap', raw))).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'web', labels: { app: 'web' } },
    data: { a: '1', b: '2' },
  })
})

test('a certificate request is read with its bytes, times and conditions, whoever it says asks', () => {
  const extra = field(6, Buffer.concat([field(1, 'team'), field(2, field(1, 'red'))]))
  const spec = Buffer.concat([
    field(1, 'PEM'),
    field(5, 'client auth'),
    extra,
    field(7, 'a.example/b'),
    Buffer.from([64, 88]),
  ])
  const condition = Buffer.concat([field(1, 'Approved'), field(4, Buffer.from([8, 60])), field(6, 'True')])
  const raw = Buffer.concat([field(1, field(1, 'mine')), field(2, spec), field(3, field(1, condition))])
  expect(decodeProtobuf(wrap('certificates.k8s.io/v1', 'CertificateSigningRequest', raw))).toMatchObject({
    spec: { request: 'UEVN', usages: ['client auth'], signerName: 'a.example/b', expirationSeconds: 88 },
    status: { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: '1970-01-01T00:01:00.000Z' }] },
  })
})

test('a kind or a field that is not known is refused, never read in part', () => {
  expect(() => decodeProtobuf(wrap('v1', 'Strange', Buffer.alloc(0)))).toThrow('v1/Strange')
  expect(() => decodeProtobuf(wrap('v1', 'ConfigMap', field(9, 'x')))).toThrow('protobuf field 9')
})

test('what is cut short or no protobuf of Kubernetes is a bad request', () => {
  expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow('not Kubernetes protobuf')
  expect(() => decodeProtobuf(wrap('v1', 'ConfigMap', Buffer.from([10, 200])))).toThrow('cut short')
})

test('a list of very many items takes a time that grows with their number, not with its square', () => {
  const long = (number: number, content: Buffer) => {
    const { length } = content
    const size = [(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14]
    return Buffer.concat([Buffer.from([number * 8 + 2, ...size]), content])
  }
  const metadata = Buffer.alloc(400_000, Buffer.from([14 * 8 + 2, 0])) // finalizers, each of them empty
  const type = field(1, Buffer.concat([field(1, 'v1'), field(2, 'ConfigMap')]))
  const start = performance.now()
  const decoded = decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), type, long(2, long(1, metadata))]))
  expect(decoded).toMatchObject({ metadata: { finalizers: { length: 200_000 } } })
  expect(performance.now() - start).toBeLessThan(5_000)
})
