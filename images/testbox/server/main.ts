// testbox: a server that says who answered whom, over HTTP, TCP and UDP, and that can be told to fail.
//
// Its end loses no request: on SIGTERM it turns unready but goes on serving for DRAIN_SECONDS, in which endpoints and
// proxies forget it; then it takes no new connections, finishes open requests, and exits with 0.

import { setTimeout as wait } from 'node:timers/promises'
import { readPlace } from './facts.ts'
import { makeHttpServer } from './http.ts'
import { makeTcpServer, openUdpSockets } from './lines.ts'
import { makeSwitches } from './switches.ts'

const usage = `testbox serve    answers on PORT (8080, HTTP), TCP_PORT (PORT+1) and UDP_PORT (PORT+2)
environment: PORT, TCP_PORT, UDP_PORT, POD_NAME, POD_NAMESPACE, NODE_NAME, TEXT, DRAIN_SECONDS (2)
paths: /, /hostname, /text, /healthz, /readyz, POST /control?ready=false&healthy=false&slowMs=N&exit=CODE`

if (process.argv[2] !== 'serve') {
  console.error(usage)
  process.exit(2)
}
await serve()

async function serve(): Promise<void> {
  const { env } = process
  const port = Number(env.PORT ?? 8080)
  const place = readPlace(env)
  const switches = makeSwitches()
  const http = makeHttpServer(place, switches, process.exit)
  const tcp = makeTcpServer(place)
  http.listen(port)
  tcp.server.listen(Number(env.TCP_PORT ?? port + 1))
  const udp = await openUdpSockets(place, Number(env.UDP_PORT ?? port + 2))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
  console.log(`serving as ${place.pod} on port ${port}`)

  async function end(signal: string): Promise<void> {
    if (switches.draining) process.exit(0)
    switches.draining = true
    console.log(`${signal}: ending`)
    await wait(Number(env.DRAIN_SECONDS ?? 2) * 1000)
    const closed = Promise.all([http, tcp.server].map((server) => new Promise((resolve) => server.close(resolve))))
    for (const connection of tcp.connections) connection.end()
    for (const socket of udp) socket.close()
    await closed
    process.exit(0)
  }
}
