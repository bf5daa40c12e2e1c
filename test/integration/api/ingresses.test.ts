import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Ingress } from '../../../api/generated/types.ts'
import { isConflict, isNotFound } from '../../../api/objects/status-error.ts'
import { ingressClasses } from '../../../api/resources/ingress-classes.ts'
import { ingresses } from '../../../api/resources/ingresses.ts'
import { startApiServer, type TestApiServer } from '../../support/start-api-server.ts'

let server: TestApiServer
beforeEach(async () => {
  server = await startApiServer()
})
afterEach(() => server.close())

/** A request that the client has no word for. */
async function ask(method: string, path: string): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await server.transport.send({ method, path, headers: {} })).body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const named = { namespace: 'default', name: 'web' }
const web: Ingress = {
  metadata: { ...named, labels: { app: 'web' } },
  spec: {
    ingressClassName: 'edge',
    rules: [
      {
        host: 'web.example.com',
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { name: 'http' } } } }],
        },
      },
    ],
  },
}

test('an Ingress has a generation that counts its spec, and a status with a door of its own', async () => {
  const { client } = server
  const made = await client.create(ingresses, { ...web, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } })
  expect(made.metadata.generation).toBe(1)
  expect(made.status).toEqual({ loadBalancer: {} })

  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } }
  const told = await client.update(
    ingresses,
    { ...made, status, spec: { ...made.spec, rules: [] } },
    { subresource: 'status' },
  )
  expect(told.status).toEqual(status)
  expect(told.spec).toEqual(made.spec)
  expect(told.metadata.generation).toBe(1)

  const patched = await client.patch(ingresses, named, 'application/merge-patch+json', {
    spec: { ingressClassName: 'other' },
  })
  expect(patched.metadata.generation).toBe(2)
  expect(patched.status).toEqual(status)
  await expect(client.update(ingresses, made)).rejects.toSatisfy(isConflict)
})

test('Ingresses are listed over all namespaces, and deleted by label', async () => {
  const { client } = server
  await client.create(ingresses, web)
  await client.create(ingresses, {
    ...web,
    metadata: { name: 'other', namespace: 'default', labels: { app: 'other' } },
  })
  expect((await client.list(ingresses)).items.map(({ metadata }) => metadata.name)).toEqual(['other', 'web'])
  await ask('DELETE', '/apis/networking.k8s.io/v1/namespaces/default/ingresses?labelSelector=app%3Dweb')
  await expect(client.get(ingresses, named)).rejects.toSatisfy(isNotFound)
  expect((await client.list(ingresses)).items).toHaveLength(1)
})

test('an IngressClass belongs to the cluster, and keeps its controller', async () => {
  const { client } = server
  const made = await client.create(ingressClasses, {
    metadata: { name: 'edge' },
    spec: { controller: 'example.com/edge' },
  })
  const moved = { ...made, spec: { controller: 'example.com/other' } }
  await expect(client.update(ingressClasses, moved)).rejects.toThrow('spec.controller: Invalid value')
})

test('both kinds are discovered with every verb', async () => {
  const text = await ask('GET', '/apis/networking.k8s.io/v1')
  const { resources } = JSON.parse(text) as { resources: { name: string; verbs: string[] }[] }
  const all = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
  for (const name of ['ingresses', 'ingressclasses'])
    expect(resources.find((each) => each.name === name)?.verbs.toSorted(), name).toEqual(all)
  expect(resources.find((each) => each.name === 'ingresses/status')?.verbs.toSorted()).toEqual([
    'get',
    'patch',
    'update',
  ])
})
