import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyStrategicMergePatch, createThreeWayPatch } from './strategic-merge-patch.ts'

const pod = 'io.k8s.api.core.v1.Pod'
const deployment = 'io.k8s.api.apps.v1.Deployment'
const withContainers = (...containers: object[]) => ({ spec: { containers } })
const patchPod = (current: object, patch: object) => applyStrategicMergePatch(current, patch, pod)

test('a list is merged in a time that grows with the patch, not with its square', () => {
  const ownerReferences = Array.from({ length: 50_000 }, (_, index) => ({ uid: `u${index}` }))
  const start = performance.now()
  const merged = patchPod(
    { metadata: { ownerReferences: [{ uid: 'u7', name: 'x' }] } },
    { metadata: { ownerReferences } },
  )
  expect(merged).toMatchObject({ metadata: { ownerReferences: { length: 50_000, 7: { uid: 'u7', name: 'x' } } } })
  expect(performance.now() - start).toBeLessThan(10_000)
})

test('containers merge by name, and an unknown one comes before the rest', () => {
  const current = withContainers({ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }, { name: 'b', image: '1' })
  const patch = withContainers({ name: 'a', image: '2', env: [{ name: 'Y', value: '2' }] }, { name: 'c', image: '3' })
  expect(patchPod(current, patch)).toEqual(
    withContainers(
      {
        name: 'a',
        image: '2',
        env: [
          { name: 'Y', value: '2' },
          { name: 'X', value: '1' },
        ],
      },
      { name: 'c', image: '3' },
      { name: 'b', image: '1' },
    ),
  )
})

test('lists without a merge strategy are replaced', () => {
  expect(patchPod(withContainers({ name: 'a', args: ['x', 'y'] }), withContainers({ name: 'a', args: ['z'] }))).toEqual(
    withContainers({ name: 'a', args: ['z'] }),
  )
})

describe('directives', () => {
  const current = withContainers({ name: 'a', image: '1' }, { name: 'b', image: '1' })

  test('$patch: delete removes the named item', () => {
    expect(patchPod(current, withContainers({ name: 'a', $patch: 'delete' }))).toEqual(
      withContainers({ name: 'b', image: '1' }),
    )
  })

  test('$patch: replace in a list takes the list of the patch', () => {
    expect(patchPod(current, withContainers({ $patch: 'replace' }, { name: 'z' }))).toEqual(
      withContainers({ name: 'z' }),
    )
  })

  test('$patch: replace in a list keeps items that share their key', () => {
    const addresses = [
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '2001:db8::1' },
    ]
    const patch = { status: { addresses: [...addresses, { $patch: 'replace' }] } }
    expect(applyStrategicMergePatch({ status: { addresses: [] } }, patch, 'io.k8s.api.core.v1.Node')).toEqual({
      status: { addresses },
    })
  })

  test('$patch: replace in an object takes the object of the patch', () => {
    const labelled = { metadata: { labels: { a: '1', b: '2' } } }
    expect(patchPod(labelled, { metadata: { labels: { $patch: 'replace', c: '3' } } })).toEqual({
      metadata: { labels: { c: '3' } },
    })
  })

  test('$setElementOrder orders what is there', () => {
    const order = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } }
    expect(patchPod(current, order)).toEqual(withContainers({ name: 'b', image: '1' }, { name: 'a', image: '1' }))
  })

  test('$deleteFromPrimitiveList removes values, and sets keep their values once', () => {
    const patch = { metadata: { finalizers: ['c', 'b'], '$deleteFromPrimitiveList/finalizers': ['a'] } }
    const { metadata } = Object(patchPod({ metadata: { finalizers: ['a', 'b'] } }, patch))
    expect([...metadata.finalizers].sort()).toEqual(['b', 'c'])
  })

  test('$retainKeys drops the other keys of a union', () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }
    const patch = { spec: { strategy: { type: 'Recreate', $retainKeys: ['type'] } } }
    expect(applyStrategicMergePatch({ spec: { strategy } }, patch, deployment)).toEqual({
      spec: { strategy: { type: 'Recreate' } },
    })
  })

  test('directives and nulls do not stay in what is new', () => {
    const patch = {
      spec: { containers: [{ name: 'a', env: [{ name: 'X', $patch: 'delete' }, { name: 'Y' }], image: null }] },
    }
    expect(patchPod({}, patch)).toEqual(withContainers({ name: 'a', env: [{ name: 'Y' }] }))
  })
})

test.each([
  [withContainers({ image: 'x' }), 'spec.containers[0]: does not contain declared merge key: name'],
  [{ spec: { $patch: 'explode' } }, 'spec: unknown patch type "explode"'],
  [{ spec: { '$setElementOrder/containers': 'x' } }, 'spec.$setElementOrder/containers: expected array'],
])('%j is refused', (patch, message) => {
  expect(() => patchPod(withContainers({ name: 'a' }), patch)).toThrow(message)
})

describe('the three-way patch', () => {
  test('what others set stays, what the user took back goes', () => {
    const original = {
      metadata: { labels: { a: '1', b: '2' } },
      ...withContainers({ name: 'x', image: '1' }, { name: 'y' }),
    }
    const modified = { metadata: { labels: { a: '1' } }, ...withContainers({ name: 'x', image: '2' }) }
    const current = {
      metadata: { labels: { a: '1', b: '2', other: '3' } },
      spec: { containers: [{ name: 'x', image: '1', imagePullPolicy: 'Always' }, { name: 'y' }, { name: 'injected' }] },
    }
    const patch = createThreeWayPatch(original, modified, current, pod)
    expect(patchPod(current, patch)).toEqual({
      metadata: { labels: { a: '1', other: '3' } },
      spec: { containers: [{ name: 'x', image: '2', imagePullPolicy: 'Always' }, { name: 'injected' }] },
    })
  })

  test('nothing to do is an empty patch', () => {
    const wanted = { spec: { replicas: 2, strategy: { type: 'RollingUpdate' } } }
    const current = { spec: { replicas: 2, paused: true, strategy: { type: 'RollingUpdate', rollingUpdate: {} } } }
    expect(createThreeWayPatch(wanted, wanted, current, deployment)).toEqual({})
  })

  test('is empty when ports of one number, told apart by protocol, are there already', () => {
    const port = (name: string, protocol: string) => ({ name, containerPort: 53, protocol })
    const wanted = { spec: { containers: [{ name: 'dns', ports: [port('dns', 'UDP'), port('dns-tcp', 'TCP')] }] } }
    expect(createThreeWayPatch(wanted, wanted, structuredClone(wanted), pod)).toEqual({})
  })

  test('a change of the strategy drops the defaults of the old one', () => {
    const current = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%' } } } }
    const patch = createThreeWayPatch({}, { spec: { strategy: { type: 'Recreate' } } }, current, deployment)
    expect(applyStrategicMergePatch(current, patch, deployment)).toEqual({ spec: { strategy: { type: 'Recreate' } } })
  })

  test('from any pod nobody else touched, the patch leads to any other', () => {
    const env = fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B', 'C'), value: fc.constantFrom('1', '2') }), {
      selector: ({ name }) => name,
    })
    const container = fc.record(
      { name: fc.constantFrom('a', 'b', 'c'), image: fc.constantFrom('1', '2'), env },
      { requiredKeys: ['name'] },
    )
    const object = fc.record({
      metadata: fc.record({
        labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2')),
        finalizers: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
      }),
      spec: fc.record({ containers: fc.uniqueArray(container, { selector: ({ name }) => name }) }),
    })
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = createThreeWayPatch(before, after, before, pod)
        expect(patchPod(before, patch)).toEqual(JSON.parse(JSON.stringify(after)))
      }),
    )
  })
})
