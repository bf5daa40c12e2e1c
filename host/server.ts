// The control plane of this host: brought up, and taken at its word when it says that it is ready.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { enableUnit, readJournal, reloadUnits, showUnit } from '../cni/linux/systemd.ts'
import { Refusal } from './failure.ts'
import { writeLink, writeWhole } from './files.ts'
import { adminKubeconfigPath, serverDir, serverUnit, unitDir } from './paths.ts'
import { step, waitFor } from './progress.ts'
import type { ServerSettings } from './settings.ts'
import { serverUnitText } from './units.ts'

const readyLimitMs = 300_000

/** Writes and starts the unit; returns when the API server is ready. */
export async function startServer(settings: ServerSettings, signal: AbortSignal): Promise<void> {
  writeWhole(join(unitDir, serverUnit), serverUnitText(settings), 0o644)
  await writeLink(join(serverDir, 'admin.kubeconfig'), adminKubeconfigPath)
  await reloadUnits()
  await enableUnit(serverUnit)
  await step('control plane ready', () => waitForServer(signal))
}

/** Returns when the API server says that it is ready. Throws with the unit's last words when it does not in time. */
export async function waitForServer(signal?: AbortSignal): Promise<void> {
  await waitForUnit(
    serverUnit,
    'the control plane is not ready',
    { limitMs: readyLimitMs, ...(signal && { signal }) },
    async () => {
      await withAdmin(async (_, transport) => {
        const { status } = await transport.send({ method: 'GET', path: '/readyz', headers: {} })
        if (status !== 200) throw new Error(`/readyz answers ${status}`)
      })
      return true
    },
  )
}

/** As waitFor, for what a unit is to bring about: its last words belong to the failure, and one that keeps ending has failed. */
export async function waitForUnit<T>(
  unit: string,
  what: string,
  waiting: { limitMs: number; signal?: AbortSignal },
  look: () => Promise<T | undefined>,
): Promise<T> {
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, ...(waiting.signal === undefined ? [] : [waiting.signal])])
  try {
    return await waitFor(what, { ...waiting, signal }, async () => {
      if ((await countRestarts(unit)) >= hopelessRestarts) ended.abort(new Error(`${what}: it ends again and again`))
      return await look()
    })
  } catch (error) {
    if (waiting.signal?.aborted === true) throw error
    const words = await readJournal(unit, 20).catch(() => '')
    throw new Error(`${error instanceof Error ? error.message : error}\nThe last words of ${unit}:\n${words}`, {
      cause: error,
    })
  }
}

const hopelessRestarts = 4

async function countRestarts(unit: string): Promise<number> {
  return Number((await showUnit(unit, ['NRestarts'])).get('NRestarts') ?? 0)
}

/** Speaks to the cluster as its administrator. Throws a Refusal where no control plane is. */
export async function withAdmin<T>(act: (client: HttpClient, transport: TlsTransport) => Promise<T>): Promise<T> {
  if (!existsSync(adminKubeconfigPath))
    throw new Refusal(`there is no ${adminKubeconfigPath}: run this on the control plane's host, as root`)
  const transport = new TlsTransport(loadKubeconfig(adminKubeconfigPath))
  try {
    return await act(new HttpClient(transport), transport)
  } finally {
    await transport.close()
  }
}
