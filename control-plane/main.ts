// The control plane's process: flags, log, signals. What it does is in serve.ts and pki/.

import { pino } from 'pino'
import { makeProgram } from './options.ts'
import { issueNode } from './pki/node-credentials.ts'
import { serve } from './serve.ts'

const stop = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())

const program = makeProgram({
  serve: async (options) => {
    const log = pino({ level: options.logLevel }, pino.destination(2))
    await serve(options, log, stop.signal)
  },
  issueNode: async ({ dataDir, name, address, server, out }) => {
    await issueNode({ dataDir, name, addresses: address, serverUrl: server, outDir: out })
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
