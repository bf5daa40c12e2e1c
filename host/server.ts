// The control plane of this host: brought up, and taken at its word when it says that it is ready.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HttpClient } from '../api/client/http-client.ts'
import { loadKubeconfig } from '../api/client/kubeconfig.ts'
import { readAll } from '../api/client/read-body.ts'
import { TlsTransport } from '../api/client/tls-transport.ts'
import { enableUnit, readJournal, reloadUnits, showUnit } from '../cni/linux/systemd.ts'
import { messageOf, Refusal } from './failure.ts'
import { writeLink, writeWhole } from './files.ts'
import { adminKubeconfigPath, serverDir, serverUnit, unitDir } from './paths.ts'
import { step, waitFor } from './progress.ts'
import type { ServerSettings } from './settings.ts'
import { restartDelayMs, serverUnitText } from './units.ts'

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
  const waiting = { limitMs: readyLimitMs, ...(signal && { signal }) }
  // The kubeconfig is read anew by each look: the server makes it, and makes another when its address or certificate has changed.
  const look = () =>
    using(openAsAdmin(), async (transport) => {
      const { status, body } = await transport.send({ method: 'GET', path: '/readyz', headers: {} })
      await readAll(body)
      if (status !== 200) throw new Error(`/readyz answers ${status}`)
      return true
    })
  await waitForUnit(serverUnit, 'the control plane is not ready', waiting, look)
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
  let [countedMs, fewest] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const lookOnce = async () => {
    if (performance.now() - countedMs > restartDelayMs) {
      countedMs = performance.now()
      const restarts = await countRestarts(unit)
      // systemd may count on from those before a restart by hand.
      fewest = Math.min(fewest, restarts)
      if (restarts - fewest >= hopelessRestarts) ended.abort(new Error(`${what}: it ends again and again`))
    }
    return await look()
  }
  try {
    return await waitFor(what, waiting.limitMs, lookOnce, signal)
  } catch (error) {
    if (waiting.signal?.aborted === true) throw error
    const words = await readJournal(unit, 20).catch(() => '')
    throw new Error(`${messageOf(error)}\nThe last words of ${unit}:\n${words}`, {
      cause: error,
    })
  }
}

const hopelessRestarts = 4
async function countRestarts(unit: string): Promise<number> {
  return Number((await showUnit(unit, ['NRestarts'])).get('NRestarts') ?? 0)
}

/** Speaks to the cluster as its administrator. Throws a Refusal where no control plane is. */
export async function withAdmin<T>(act: (client: HttpClient) => Promise<T>): Promise<T> {
  return await using(openAsAdmin(), (transport) => act(new HttpClient(transport)))
}

async function using<T>(transport: TlsTransport, act: (transport: TlsTransport) => Promise<T>): Promise<T> {
  try {
    return await act(transport)
  } finally {
    await transport.close()
  }
}

function openAsAdmin(): TlsTransport {
  if (!existsSync(adminKubeconfigPath))
    throw new Refusal(`there is no ${adminKubeconfigPath}: run this on the control plane's host, as root`)
  return new TlsTransport(loadKubeconfig(adminKubeconfigPath))
}
