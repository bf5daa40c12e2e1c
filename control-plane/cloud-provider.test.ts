import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadCloudProvider } from './cloud-provider.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fairlead-cloud-'))
})
afterAll(() => rm(directory, { recursive: true }))

async function load(text: string, name: string) {
  const cloudProvider = join(directory, name)
  await writeFile(cloudProvider, text)
  return await loadCloudProvider({ cloudProvider, loadBalancerPool: [] })
}

test("a module of the administrator's own is a provider", async () => {
  expect(await load('export default async () => ({ name: "rack" })', 'rack.mjs')).toEqual({ name: 'rack' })
})

test('a module that makes no provider, or none at all, is refused with its name', async () => {
  await expect(load('export const name = "rack"', 'empty.mjs')).rejects.toThrow(/empty\.mjs: its default export/)
  await expect(loadCloudProvider({ cloudProvider: '/nowhere.mjs', loadBalancerPool: [] })).rejects.toThrow(
    /--cloud-provider \/nowhere\.mjs: cannot be loaded/,
  )
})

test('the built-in provider balances only when it has addresses', async () => {
  expect(await loadCloudProvider({ cloudProvider: 'bare-metal', loadBalancerPool: [] })).toBeUndefined()
  const provider = await loadCloudProvider({ cloudProvider: 'bare-metal', loadBalancerPool: ['192.0.2.1-192.0.2.9'] })
  expect(provider?.balancers?.loadBalancerClass).toBe('fairlead.io/address-pool')
  await expect(loadCloudProvider({ cloudProvider: 'bare-metal', loadBalancerPool: ['192.0.2.x'] })).rejects.toThrow(
    '192.0.2.x',
  )
})
