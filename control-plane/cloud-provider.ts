// Which provider the cluster has: the built-in one, none, or a module of the administrator's own.

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeBareMetal } from './controllers/cloud/bare-metal/bare-metal.ts'
import type { CloudProvider } from './controllers/cloud/provider.ts'

export interface CloudOptions {
  /** "bare-metal", "none", or the path of a module whose default export makes a CloudProvider. */
  cloudProvider: string
  /** Ranges for load balancers, such as "192.0.2.200-192.0.2.220". */
  loadBalancerPool: readonly string[]
}

/** The chosen provider; undefined when there is nothing for one to do. Throws what is wrong with the choice. */
export async function loadCloudProvider(options: CloudOptions): Promise<CloudProvider | undefined> {
  const { cloudProvider, loadBalancerPool } = options
  if (cloudProvider === 'none') return undefined
  if (cloudProvider === 'bare-metal') return loadBalancerPool.length === 0 ? undefined : makeBareMetal(loadBalancerPool)
  const module: unknown = await import(pathToFileURL(resolve(cloudProvider)).href).catch((cause: Error) => {
    throw new Error(`--cloud-provider ${cloudProvider}: cannot be loaded: ${cause.message}`, { cause })
  })
  const provider: unknown = hasDefault(module) ? await module.default() : undefined
  if (isProvider(provider)) return provider
  throw new Error(
    `--cloud-provider ${cloudProvider}: its default export must be a function that returns a CloudProvider`,
  )
}

function hasDefault(module: unknown): module is { default(): unknown } {
  return typeof module === 'object' && module !== null && 'default' in module && typeof module.default === 'function'
}

function isProvider(value: unknown): value is CloudProvider {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
}
