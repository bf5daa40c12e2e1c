import { expect, test } from 'vitest'
import type { ServiceChanges } from './backend.ts'
import { ServiceWriter } from './service-writer.ts'
import type { ServicePort } from './table.ts'
import { makeServicePort } from './test-ports.ts'

const refusedPort = 666

/** Writes all that it wants or nothing, as the real ones do. Refuses a port number, or everything. */
class FakeBackend {
  readonly #wanted = new Map<string, readonly ServicePort[]>()
  kernel = new Map<string, number[]>()
  calls = 0
  isBroken = false

  async apply(changes: ServiceChanges): Promise<void> {
    this.calls += 1
    for (const [key, ports] of changes) {
      if (ports.length === 0) this.#wanted.delete(key)
      else this.#wanted.set(key, ports)
    }
    const wanted = [...this.#wanted].map(([key, ports]): [string, number[]] => [key, ports.map(({ port }) => port)])
    if (this.isBroken || wanted.some(([, ports]) => ports.includes(refusedPort))) throw new Error('syntax error')
    this.kernel = new Map(wanted)
  }
}

async function start(first: Record<string, number> = {}) {
  const backend = new FakeBackend()
  const writer = new ServiceWriter(backend)
  const write = async (ports: Record<string, number | undefined>) => {
    const toPorts = (port: number | undefined) => (port === undefined ? [] : [makeServicePort({ port })])
    const { written, refused } = await writer.write(
      new Map(Object.entries(ports).map(([key, port]) => [key, toPorts(port)])),
    )
    return { written: [...written.keys()].sort(), refused: [...refused.keys()].sort() }
  }
  await write(first)
  backend.calls = 0
  return { backend, write }
}

test('what nothing refuses is one call', async () => {
  const { backend, write } = await start({ a: 80 })
  expect(await write({ b: 80, c: 80 })).toEqual({ written: ['b', 'c'], refused: [] })
  expect(backend.calls).toBe(1)
})

test('a refused Service keeps what it had, and all others are written', async () => {
  const { backend, write } = await start({ a: 80, b: 80 })
  const result = await write({ a: 81, b: refusedPort, c: refusedPort, d: 80, e: 80 })
  expect(result).toEqual({ written: ['a', 'd', 'e'], refused: ['b', 'c'] })
  expect(Object.fromEntries(backend.kernel)).toEqual({ a: [81], b: [80], d: [80], e: [80] })
})

test('a Service that was refused costs the others nothing, and is written once it can be', async () => {
  const { backend, write } = await start()
  await write({ a: refusedPort, b: 80 })
  backend.calls = 0
  expect(await write({ a: refusedPort, c: 80, d: 80 })).toEqual({ written: ['c', 'd'], refused: ['a'] })
  expect(backend.calls).toBe(3)
  expect(await write({ a: 80 })).toEqual({ written: ['a'], refused: [] })
  await write({ a: refusedPort })
  expect(await write({ a: undefined })).toEqual({ written: ['a'], refused: [] })
  expect([...backend.kernel.keys()].sort()).toEqual(['b', 'c', 'd'])
})

test('what fails whatever is written is blamed on no Service', async () => {
  const { backend, write } = await start({ a: 80 })
  backend.isBroken = true
  await expect(write({ b: 80, c: 80 })).rejects.toThrow('syntax error')
  expect(backend.calls).toBe(2)
  backend.isBroken = false
  expect(await write({ b: 80, c: 80 })).toEqual({ written: ['b', 'c'], refused: [] })
})

test('the first write is whole or none: what it left out would be taken from the kernel', async () => {
  const backend = new FakeBackend()
  const writer = new ServiceWriter(backend)
  const changesTo = (ports: ServicePort[]): ServiceChanges =>
    new Map([
      ['default/a', [makeServicePort()]],
      ['default/b', ports],
    ])
  await expect(writer.write(changesTo([makeServicePort({ port: refusedPort })]))).rejects.toThrow('syntax error')
  expect(backend.calls).toBe(1)
  await writer.write(changesTo([]))
  expect([...backend.kernel.keys()]).toEqual(['default/a'])
})

test('many refused Services are tried in turn, none of them again before all others', async () => {
  const { backend, write } = await start()
  const bad = Array.from({ length: 25 }, (_, index) => [`s${index}`, refusedPort])
  const ports: Record<string, number> = { ...Object.fromEntries(bad), last: 80 }
  const first = await write(ports)
  expect(first.refused).toHaveLength(10)
  expect(first.written).toEqual([])
  await write(ports)
  expect((await write(ports)).written).toEqual(['last'])
  expect([...backend.kernel.keys()]).toEqual(['last'])
})
