import { expect, test } from 'vitest'
import type { Deployment, Service } from '../../generated/types.ts'
import type { ApiObject } from '../../objects/object.ts'
import { isConflict } from '../../objects/status-error.ts'
import { applyObject, type FieldManager, trackWrite } from './managed-fields.ts'

const by = (
  name: string,
  kind: 'Deployment' | 'Service' = 'Deployment',
  time = '2030-01-01T00:00:00Z',
): FieldManager => ({
  name,
  apiVersion: kind === 'Service' ? 'v1' : 'apps/v1',
  subresource: '',
  definition: `io.k8s.api.${kind === 'Service' ? 'core' : 'apps'}.v1.${kind}`,
  time,
})

function apply<T extends ApiObject>(live: T | undefined, applied: T, manager: FieldManager, force = false): T {
  const { object, managedFields } = applyObject(live, applied, manager, force)
  return { ...object, metadata: { ...object.metadata, managedFields } } as T
}

/** Somebody else writes the object as a whole. */
function write<T extends ApiObject>(old: T, now: T, manager: FieldManager): T {
  return { ...now, metadata: { ...now.metadata, managedFields: trackWrite(old, now, manager) } }
}

const fieldsOf = (object: ApiObject, manager: string) =>
  object.metadata?.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1

const deployment = (spec: object, labels?: Record<string, string>): Deployment => ({
  metadata: { name: 'web', namespace: 'default', ...(labels && { labels }) },
  spec: spec as Deployment['spec'],
})
const containers = (...list: object[]) => ({ template: { spec: { containers: list } } })

test('what is applied is on record, with items by their keys', () => {
  const object = apply(
    undefined,
    deployment(containers({ name: 'c', image: 'i', ports: [{ containerPort: 80 }], command: ['a', 'b'] }), {
      app: 'web',
    }),
    by('me'),
  )
  expect(object.metadata?.managedFields).toEqual([
    {
      manager: 'me',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      time: '2030-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { 'f:app': {} } },
        'f:spec': {
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"c"}': {
                  '.': {},
                  'f:command': {},
                  'f:image': {},
                  'f:name': {},
                  'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
                },
              },
            },
          },
        },
      },
    },
  ])
})

test('a field that is no longer applied goes, what others have set stays', () => {
  const first = apply(undefined, deployment({ replicas: 2, paused: true }, { a: '1', b: '2' }), by('me'))
  const labelled = write(
    first,
    { ...first, metadata: { ...first.metadata, labels: { a: '1', b: '2', c: '3' } } },
    by('john'),
  )
  const second = apply(labelled, deployment({ replicas: 2 }, { a: '1' }), by('me'))
  expect(second.spec).toEqual({ replicas: 2 })
  expect(second.metadata?.labels).toEqual({ a: '1', c: '3' })
})

test('a field that two apply stays until neither does', () => {
  const first = apply(undefined, deployment({ replicas: 2 }), by('me'))
  const shared = apply(first, deployment({ replicas: 2 }), by('you'))
  const mine = apply(shared, deployment({}), by('me'))
  expect(mine.spec).toEqual({ replicas: 2 })
  expect(fieldsOf(mine, 'you')).toEqual({ 'f:spec': { 'f:replicas': {} } })
  expect(apply(mine, deployment({}), by('you')).spec?.replicas).toBeUndefined()
})

test('another value for the field of another is a conflict that names both, unless it is forced', () => {
  const theirs = apply(undefined, deployment({ replicas: 2, ...containers({ name: 'c', image: 'one' }) }), by('you'))
  const wanted = deployment({ replicas: 3, ...containers({ name: 'c', image: 'two' }) })
  const attempt = () => apply(theirs, wanted, by('me'))
  expect(attempt).toThrow(expect.toSatisfy(isConflict))
  expect(attempt).toThrow(
    'Apply failed with 2 conflicts: conflicts with "you":\n- .spec.replicas\n- .spec.template.spec.containers[name="c"].image',
  )
  const forced = apply(theirs, wanted, by('me'), true)
  expect(forced.spec?.replicas).toBe(3)
  expect(fieldsOf(forced, 'you')).toEqual({
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {} } } } } },
  })
})

test('whoever writes a field takes it from who applied it, and the next apply says so', () => {
  const applied = apply(undefined, deployment({ replicas: 2 }), by('me'))
  const scaled = write(applied, { ...applied, spec: deployment({ replicas: 5 }).spec }, by('kubectl'))
  expect(fieldsOf(scaled, 'me')).toBeUndefined()
  expect(() => apply(scaled, deployment({ replicas: 2 }), by('me'))).toThrow(
    'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1 at 2030-01-01T00:00:00Z: .spec.replicas',
  )
  expect(apply(scaled, deployment({ replicas: 5 }), by('me')).spec?.replicas).toBe(5)
})

test('items are merged by key and keep their places; an atomic list is one thing', () => {
  const mine = apply(undefined, deployment(containers({ name: 'a', args: ['1'] }, { name: 'b' })), by('me'))
  const both = apply(mine, deployment(containers({ name: 'side', image: 's' })), by('mesh'))
  const again = apply(both, deployment(containers({ name: 'b', image: 'n' }, { name: 'a', args: ['2'] })), by('me'))
  expect(again.spec?.template.spec?.containers).toEqual([
    { name: 'b', image: 'n' },
    { name: 'a', args: ['2'] },
    { name: 'side', image: 's' },
  ])
  const without = apply(again, deployment(containers({ name: 'b' })), by('me'))
  expect(without.spec?.template.spec?.containers).toEqual([{ name: 'b' }, { name: 'side', image: 's' }])
})

test('ports of a Service are told apart by number and protocol, which is TCP if it is left out', () => {
  const ports = (...list: object[]): Service => ({
    metadata: { name: 's' },
    spec: { ports: list as NonNullable<Service['spec']>['ports'] },
  })
  const tcp = apply(undefined, ports({ port: 53, protocol: 'TCP', targetPort: 1 }), by('me', 'Service'))
  const both = apply(tcp, ports({ port: 53, protocol: 'UDP', targetPort: 2 }), by('you', 'Service'))
  expect(both.spec?.ports).toHaveLength(2)
  const moved = apply(both, ports({ port: 53, targetPort: 3 }), by('me', 'Service'))
  expect(moved.spec?.ports?.map(({ targetPort }) => targetPort)).toEqual([3, 2])
})

test('what was there before anybody applied is in conflict with other values, but not with what kubectl applied itself', () => {
  const text = JSON.stringify(deployment({ replicas: 2 }))
  const live = deployment({ replicas: 2, paused: false })
  expect(() => apply(live, deployment({ replicas: 3 }), by('kubectl'))).toThrow('conflict with "before-first-apply"')
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': text }
  const known = { ...live, metadata: { ...live.metadata, annotations } }
  expect(apply(known, deployment({ replicas: 3 }), by('kubectl')).spec).toEqual({ replicas: 3, paused: false })
  expect(() => apply(known, deployment({ paused: true }), by('kubectl'))).toThrow('.spec.paused')
})

test('to apply the same again changes nothing, also not the time', () => {
  const first = apply(undefined, deployment({ replicas: 2 }, { a: '1' }), by('me'))
  expect(apply(first, deployment({ replicas: 2 }, { a: '1' }), by('me', 'Deployment', '2031-01-01T00:00:00Z'))).toEqual(
    first,
  )
})

test('objects that nobody applied are not followed', () => {
  expect(trackWrite(deployment({ replicas: 1 }), deployment({ replicas: 2 }), by('me'))).toBeUndefined()
})
