import { expect, test } from 'vitest'
import type { ServicePort } from '../table.ts'
import { makeEndpoint, makeServicePort } from '../test-ports.ts'
import { FamilyTable } from './family-table.ts'

const port = makeServicePort({ clusterIp: '10.96.0.10' })

const toEndpoints = (...hosts: number[]) => hosts.map((host) => makeEndpoint(`10.244.1.${host}`))

/** A table that the kernel has, with these Services. */
function makeTable(services: Record<string, ServicePort[]>): FamilyTable {
  const table = new FamilyTable('ipv4', { pods: ['10.244.0.0/16'], services: ['10.96.0.0/16'] })
  table.change(new Map(Object.entries(services)))
  return table
}

test('one endpoint in place of another is one element', () => {
  const table = makeTable({ 'default/web': [{ ...port, cluster: toEndpoints(1, 2, 3) }] })
  const transaction = table.change(new Map([['default/web', [{ ...port, cluster: toEndpoints(1, 4, 3) }]]]))
  expect(`${transaction}`).toBe(
    [
      'delete element ip kube-proxy endpoints {',
      '10.96.0.10 . tcp . 80 . 0:2',
      '}',
      'add element ip kube-proxy endpoints {',
      '10.96.0.10 . tcp . 80 . 0:2 comment "default/web:http" : 10.244.1.4 . 8080',
      '}',
      '',
    ].join('\n'),
  )
})

test('the same again is nothing', () => {
  const wanted = [{ ...port, cluster: toEndpoints(1, 2) }]
  expect(makeTable({ 'default/web': wanted }).change(new Map([['default/web', wanted]])).isEmpty).toBe(true)
})

test('a chain for a number of endpoints goes with the last Service that has as many', () => {
  const other = { ...port, id: 'default/other:http', clusterIp: '10.96.0.11', cluster: toEndpoints(1, 2) }
  const table = makeTable({ 'default/web': [{ ...port, cluster: toEndpoints(1, 2) }], 'default/other': [other] })
  expect(`${table.change(new Map([['default/web', []]]))}`).not.toContain('delete chain')
  expect(`${table.change(new Map([['default/other', []]]))}`).toContain('delete chain ip kube-proxy internal-2')
})

test('of two Services with one external address and port, the other gets it when the first goes', () => {
  const claim = (name: string, clusterIp: string, host: number): ServicePort => ({
    ...port,
    id: `default/${name}:http`,
    clusterIp,
    externalIps: ['192.0.2.1'],
    cluster: toEndpoints(host),
  })
  const table = makeTable({
    'default/a': [claim('a', '10.96.0.1', 1)],
    'default/b': [claim('b', '10.96.0.2', 2)],
  })
  expect(`${table.change(new Map([['default/a', []]]))}`).toContain(
    '192.0.2.1 . tcp . 80 . 0:1 comment "default/b:http" : 10.244.1.2 . 8080',
  )
})

test('a family that no Service wants is never written', () => {
  const table = new FamilyTable('ipv6', { pods: [], services: [] })
  expect(table.change(new Map([['default/web', [{ ...port, cluster: toEndpoints(1) }]]])).isEmpty).toBe(true)
  expect(table.differences(undefined)).toEqual([])
})
