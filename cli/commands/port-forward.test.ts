import { expect, test } from 'vitest'
import type { Pod, Service } from '../../api/generated/types.ts'
import type { Stored } from '../../api/objects/object.ts'
import { parseForward, resolvePort } from './port-forward.ts'

const metadata = { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '' }
const pod: Stored<Pod> = {
  metadata,
  spec: { containers: [{ name: 'a' }, { name: 'b', ports: [{ name: 'http', containerPort: 8080 }] }] },
}
const service: Stored<Service> = {
  metadata,
  spec: {
    ports: [
      { name: 'web', port: 80, targetPort: 'http' },
      { name: 'raw', port: 81, targetPort: 9000 },
      { name: 'same', port: 82 },
    ],
  },
}

test.each([
  ['8080', { localPort: 8080, remotePort: 8080 }],
  ['80:8080', { localPort: 80, remotePort: 8080 }],
  [':8080', { localPort: 0, remotePort: 8080 }],
])('%s is read', (text, forward) => {
  expect(parseForward(text, Number)).toEqual(forward)
})

test.each(['', '1:2:3', 'a:80', '80:', '70000:80', '80:70000'])('%j is refused', (text) => {
  expect(() => parseForward(text, Number)).toThrow(/invalid port/)
})

test.each([
  ['http', undefined, 8080],
  ['9', undefined, 9],
  ['80', service, 8080],
  ['raw', service, 9000],
  ['82', service, 82],
])('port %s is looked up where it is defined', (remote, from, port) => {
  expect(resolvePort(remote, pod, from)).toBe(port)
})

test('a port that nobody has is refused by its name', () => {
  expect(() => resolvePort('grpc', pod, undefined)).toThrow('pod web does not have a port named "grpc"')
  expect(() => resolvePort('99', pod, service)).toThrow('service web does not have a port 99')
})
