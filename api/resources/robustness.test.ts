// Go's types make every absent field a zero value; here it is undefined, whatever the generated types say of required
// fields. So every row is fed with objects of the right types from which anything may be missing.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ApiObject, Stored } from '../objects/object.ts'
import { checkObject } from '../schema/check-object.ts'
import { definitionNamed, type Schema } from '../schema/schemas.ts'
import type { Resource } from './resource.ts'
import { resources } from './table.ts'
import { validateCreate, validateUpdate } from './validate-object.ts'

const words = ['', 'a', 'A_b', 'web', 'TCP', 'Always', 'None', 'In', 'Exists', 'ClusterIP', '10.0.0.1', 'a/b', '../x']
const scalars: Record<string, fc.Arbitrary<unknown>> = {
  quantity: fc.constantFrom('1', '250m', '-1', '64Mi', '0'),
  byte: fc.constantFrom('', 'YQ=='),
  'date-time': fc.constant('2026-01-01T00:00:00Z'),
  'date-time-micro': fc.constant('2026-01-01T00:00:00.000000Z'),
  integer: fc.constantFrom(-1, 0, 1, 80, 70_000),
  boolean: fc.boolean(),
  string: fc.constantFrom(...words),
}

/** Values that fit the schema, with fields left out at random. Depth is cut, since some definitions contain themselves. */
function fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return fitting(definitionNamed(schema.$ref), depth)
  if (schema['x-kubernetes-int-or-string'] === true) return fc.constantFrom<unknown>(0, 80, 'http', '25%', '')
  if (schema.items !== undefined)
    return depth === 0 ? fc.constant([]) : fc.array(fitting(schema.items, depth - 1), { maxLength: 2 })
  if (schema.additionalProperties !== undefined) {
    return fc.dictionary(fc.constantFrom(...words, 'cpu', 'memory'), fitting(schema.additionalProperties, depth), {
      maxKeys: 2,
    })
  }
  if (schema.properties !== undefined) return fittingObject(schema.properties, depth)
  return scalars[schema.format ?? ''] ?? scalars[schema.type ?? ''] ?? fc.constant({})
}

function fittingObject(properties: Readonly<Record<string, Schema>>, depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return fc.constant({})
  const fields = Object.entries(properties).map(([name, schema]) => [name, lazily(() => fitting(schema, depth - 1))])
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] })
}

/** Builds the arbitrary of a field at most once, and only if a value needs it. */
function lazily(make: () => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  let made: fc.Arbitrary<unknown> | undefined
  return fc.constant(0).chain(() => {
    made ??= make()
    return made
  })
}

const stored = { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }

describe.each(resources.map((resource) => [resource.kind, resource] as const))('%s', (_, resource: Resource) => {
  const objects = fitting(definitionNamed(resource.definition), 7)

  test('whatever is missing, an object is refused or accepted, and nothing breaks', () => {
    fc.assert(
      fc.property(objects, objects, (...drawn) => {
        const [object, old] = structuredClone(drawn)
        for (const each of [object, old])
          expect(checkObject(resource.definition, each)).toMatchObject({ errors: [], unknown: [] })
        const created = object as ApiObject
        resource.setDefaults?.(created)
        resource.prepareForCreate?.(created)
        const hasSpec = definitionNamed(resource.definition).properties?.spec !== undefined
        if (validateCreate(resource, created).length === 0 && hasSpec) expect(created).toHaveProperty('spec')
        const before = { spec: {}, ...(old as object), metadata: stored } as Stored<ApiObject>
        resource.prepareForUpdate?.(created, before)
        expect(Array.isArray(validateUpdate(resource, created, before))).toBe(true)
        resource.prepareForStatusUpdate?.(created, before)
      }),
      { numRuns: 100 },
    )
  })

  test('defaulting twice is defaulting once', () => {
    fc.assert(
      fc.property(objects, (drawn) => {
        const object = structuredClone(drawn)
        resource.setDefaults?.(object as ApiObject)
        const twice = structuredClone(object)
        resource.setDefaults?.(twice as ApiObject)
        expect(twice).toEqual(object)
      }),
      { numRuns: 100 },
    )
  })

  test('cells and selectable fields can be read of whatever status an agent has reported', () => {
    const spec = { containers: [{ name: 'a' }], initContainers: [{ name: 'b' }], selector: {}, template: { spec: {} } }
    fc.assert(
      fc.property(objects, (drawn) => {
        const object = { involvedObject: {}, addressType: 'IPv4', ...(drawn as object), metadata: stored, spec }
        const isStored = resource.subresources.includes('status') || validateCreate(resource, object).length === 0
        if (!isStored) return
        const cells = resource.columns.map((column) => typeof column.cell(object, 0))
        expect(cells.filter((type) => type !== 'string' && type !== 'number')).toEqual([])
        const fields = Object.values(resource.selectableFields ?? {}).map((read) => typeof read(object))
        expect(fields.filter((type) => type !== 'string')).toEqual([])
      }),
      { numRuns: 100 },
    )
  })
})
