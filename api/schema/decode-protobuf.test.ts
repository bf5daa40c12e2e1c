import { expect, test } from 'vitest'
import { decodeProtobuf } from './decode-protobuf.ts'

// Bodies as kubectl 1.35.2 sent them; the expected objects are what `--dry-run=client -o json` shows of the same commands.
const recorded = {
  configMap: 'azhzAAoPCgJ2MRIJQ29uZmlnTWFwEiIKEQoBYxIAGgAiACoAMgA4AEIAEgYKAWESAWISBQoBZRIAGgAiAA==',
  secret: 'azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAXgSAXkaABoAIgA=',
  service:
    'azhzAAoNCgJ2MRIHU2VydmljZRJqCh0KAncyEgAaACIAKgAyADgAQgBaCQoDYXBwEgJ3MhJFCiAKBzgwLWh0dHASA1RDUBhQIgoIARAAGgRodHRwKLHqARIJCgNhcHASAncyGgAiCE5vZGVQb3J0OgBCAFIAWgBgAGgAGgIKABoAIgA=',
  deployment:
    'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EsABCh8KA3R3bxIAGgAiACoAMgA4AEIAWgoKA2FwcBIDdHdvEo4BCAESDAoKCgNhcHASA3R3bxp0ChwKABIAGgAiACoAMgA4AEIAWgoKA2FwcBIDdHdvElQSGgoBYRIBYSoAQgBqAHIAgAEAiAEAkAEAogEAEhoKAWISAWIqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA==',
  token: 'azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIdChAKABIAGgAiACoAMgA4AEIAEgMg2AQaBAoAEgAaACIA',
}
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'))
const labels = { app: 'two' }

test.each<[keyof typeof recorded, object]>([
  ['configMap', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { a: 'b', e: '' } }],
  ['secret', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { x: 'eQ==' } }],
  [
    'service',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'w2', labels: { app: 'w2' } },
      spec: {
        type: 'NodePort',
        selector: { app: 'w2' },
        ports: [{ name: '80-http', protocol: 'TCP', port: 80, targetPort: 'http', nodePort: 30_001 }],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    'deployment',
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'two', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        strategy: {},
        template: {
          metadata: { labels },
          spec: {
            containers: [
              { name: 'a', image: 'a', resources: {} },
              { name: 'b', image: 'b', resources: {} },
            ],
          },
        },
      },
      status: {},
    },
  ],
  [
    'token',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      metadata: {},
      spec: { expirationSeconds: 600 },
      status: {},
    },
  ],
])('the protobuf of a %s says what its JSON would say', (name, expected) => {
  expect(decodeProtobuf(bytes(recorded[name]))).toEqual(expected)
})

test('a body cut anywhere is refused', () => {
  const whole = bytes(recorded.deployment)
  // The last four bytes are two empty fields of the envelope, which say nothing.
  for (let length = 0; length < whole.length - 4; length++) {
    expect(() => decodeProtobuf(whole.subarray(0, length))).toThrow(
      /not Kubernetes protobuf|cut off|not accepted as protobuf/,
    )
  }
})

test('a field that the table does not know is refused by name, not lost', () => {
  // A ConfigMap with field 9, a text.
  const body = [
    0x6b,
    0x38,
    0x73,
    0,
    10,
    15,
    10,
    2,
    0x76,
    0x31,
    18,
    9,
    ...Buffer.from('ConfigMap'),
    18,
    3,
    0x4a,
    1,
    0x61,
  ]
  expect(() => decodeProtobuf(Uint8Array.from(body))).toThrow(
    'field 9 of io.k8s.api.core.v1.ConfigMap is not accepted as protobuf',
  )
})
