import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'
import { makeConfigMap, makeDeployment, makeService } from './generators.ts'

test('a deployment has one container, named after its image, and selects its own label', () => {
  const words = { image: 'registry:5000/team/My_App:1.2', replicas: '2', port: '8080', command: ['sleep', '1'] }
  expect(makeDeployment('web', words).spec).toEqual({
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'my-app', image: words.image, command: ['sleep', '1'], ports: [{ containerPort: 8080 }] }],
      },
    },
  })
})

test('a service maps its ports to those of the pods', () => {
  expect(makeService('web', 'NodePort', ['80:8080', '443:https'], '30080').spec?.ports).toMatchObject([
    { name: '80-8080', port: 80, targetPort: 8080, nodePort: 30080 },
    { name: '443-https', port: 443, targetPort: 'https' },
  ])
  expect(() => makeService('web', 'ClusterIP', ['http'])).toThrow('"http" is no port')
})

test('a config map keeps text as text and other bytes as base64', () => {
  const files = [
    ['text', Buffer.from('wörld')],
    ['bytes', Buffer.of(0xff, 0xfe)],
  ] as const
  const made = makeConfigMap('c', ['a=b=c'], files)
  expect(made).toMatchObject({ data: { a: 'b=c', text: 'wörld' }, binaryData: { bytes: '//4=' } })
  expect(() => makeConfigMap('c', ['a'], [])).toThrow('invalid literal source a, expected key=value')
})

test.each([
  ['30s', 30_000],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['500ms', 500],
  ['0', undefined],
  ['0s', undefined],
])('the duration %s is %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test('a duration without unit is refused', () => {
  expect(() => parseDuration('30')).toThrow('cannot read the duration "30"')
})
