// The control plane's process: flags, log, signals. What it does is in serve.ts and pki/.

import { type Logger, pino } from 'pino'
import type { HostAddress } from '../api/net/host-address.ts'
import { readOwnAddress, stopWhenMoved } from '../api/net/own-address.ts'
import { httpsUrl } from '../api/objects/addresses.ts'
import { makeProgram, type ServeFlags } from './options.ts'
import { issueNode } from './pki/node-credentials.ts'
import { serve } from './serve.ts'

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())

const program = makeProgram({
  serve: async (flags) => {
    const log = pino({ level: flags.logLevel }, pino.destination(2))
    await serve({ ...flags, advertiseAddress: advertiseAddressOf(flags, log) }, log, stop.signal)
  },
  issueNode: async ({ dataDir, name, address, server, out }) => {
    const serverUrl = server ?? httpsUrl(requireOwnAddress().address, 6443)
    await issueNode({ dataDir, name, addresses: address, serverUrl, outDir: out })
    console.log(`wrote ca.crt, kubeconfig, server.crt and server.key of node ${name} to ${out}`)
  },
})

try {
  await program.parseAsync()
  process.exit(0)
} catch (error) {
  console.error(`control-plane: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

function advertiseAddressOf({ advertiseAddress }: ServeFlags, log: Logger): string {
  if (advertiseAddress !== undefined) return advertiseAddress
  const own = requireOwnAddress()
  void stopWhenMoved(own, stop, (addresses, message) => log.warn(addresses, message))
  return own.address
}

function requireOwnAddress(): HostAddress {
  const own = readOwnAddress()
  if (own === undefined) throw new Error('this host has no address: connect it, or name one by a flag')
  return own
}
