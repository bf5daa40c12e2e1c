import { expect, test } from 'vitest'
import { noSuchPath } from '../api/objects/status-error.ts'
import { Discovery, formatName } from './discovery.ts'
import { parseNamedTargets, parseTargets } from './targets.ts'

const answers: Record<string, unknown> = {
  '/api/v1': {
    resources: [
      { name: 'pods', singularName: 'pod', kind: 'Pod', namespaced: true, shortNames: ['po'], categories: ['all'] },
      { name: 'pods/log', singularName: '', kind: 'Pod', namespaced: true },
      {
        name: 'services',
        singularName: 'service',
        kind: 'Service',
        namespaced: true,
        shortNames: ['svc'],
        categories: ['all'],
      },
      { name: 'nodes', singularName: 'node', kind: 'Node', namespaced: false, shortNames: ['no'] },
    ],
  },
  '/apis': {
    groups: [
      { name: 'apps', preferredVersion: { version: 'v1' }, versions: [{ version: 'v1' }] },
      { name: 'example.com', preferredVersion: { version: 'v2' }, versions: [{ version: 'v2' }] },
    ],
  },
  '/apis/apps/v1': {
    resources: [
      { name: 'deployments', singularName: 'deployment', kind: 'Deployment', namespaced: true, shortNames: ['deploy'] },
    ],
  },
  '/apis/example.com/v2': {
    resources: [{ name: 'pods', singularName: '', kind: 'Pod', namespaced: true, shortNames: ['xp'] }],
  },
}

const asked: string[] = []
async function fetchJson<T>(path: string): Promise<T> {
  asked.push(path)
  if (!(path in answers)) throw noSuchPath()
  return answers[path] as T
}
const discovery = () => new Discovery(fetchJson)
const targets = async (...words: string[]) =>
  (await parseTargets(discovery(), words)).map(({ type, name }) => formatName(type, name ?? '*'))

test.each([
  [['pods'], ['pod/*']],
  [
    ['po', 'a', 'b'],
    ['pod/a', 'pod/b'],
  ],
  [['Pod', 'a'], ['pod/a']],
  [['po,svc'], ['pod/*', 'service/*']],
  [
    ['po,svc', 'a'],
    ['pod/a', 'service/a'],
  ],
  [
    ['deploy/web', 'svc/web'],
    ['deployment.apps/web', 'service/web'],
  ],
  [['deployments.apps/web'], ['deployment.apps/web']],
  [['deployments.v1.apps'], ['deployment.apps/*']],
  [['pods.example.com'], ['pod.example.com/*']],
  [['xp'], ['pod.example.com/*']],
  [['all'], ['pod/*', 'service/*']],
])('%j means %j', async (words, meant) => {
  expect(await targets(...words)).toEqual(meant)
})

test.each([
  [['gizmo'], `the server doesn't have a resource type "gizmo"`],
  [['pod/a/b'], 'must have a single resource and name'],
  [['pod/a', 'pods'], 'must have a single resource and name'],
  [[], 'You must specify the type of resource'],
])('%j is refused', async (words, message) => {
  await expect(targets(...words)).rejects.toThrow(message)
})

test('a verb that needs names takes a bare one for its usual kind, and refuses a kind alone', async () => {
  expect(await parseNamedTargets(discovery(), ['web'], 'pods')).toMatchObject([{ type: { kind: 'Pod' }, name: 'web' }])
  await expect(parseNamedTargets(discovery(), ['pods'])).rejects.toThrow('resource name may not be empty')
})

test('a manifest costs one look at its own group, however many objects it has', async () => {
  const found = discovery()
  asked.length = 0
  for (let times = 0; times < 3; times++) await found.findKind('apps/v1', 'Deployment')
  expect(asked).toEqual(['/apis/apps/v1'])
  await expect(found.findKind('nope/v1', 'Gizmo')).rejects.toThrow('no matches for kind "Gizmo" in version "nope/v1"')
})
