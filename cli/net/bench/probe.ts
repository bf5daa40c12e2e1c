// The two measurements, made by programs of the image fairlead/testbox: iperf3, and a few lines for Node that send a line and
// wait for the answer.

/** Throughput of one TCP connection. */
export interface Throughput {
  megabitsPerSecond: number
  /** How often the sender had to send something again. */
  retransmits: number
}

/** Microseconds: of a question and its answer on an open connection, and of making a connection. */
export interface Latency {
  requestP50: number
  requestP99: number
  connectP50: number
}

export const ports = { iperf: 5201, lines: 8081 }

/** Runs in the client's pod. */
export function throughputCommand(address: string, seconds: number): string[] {
  return [
    'iperf3',
    '--json',
    '--client',
    address,
    '--port',
    String(ports.iperf),
    '--time',
    String(seconds),
    '--omit',
    '0',
  ]
}

/** Reads what iperf3 wrote. Throws its own error. */
export function parseThroughput(text: string): Throughput {
  const { error, end } = JSON.parse(text)
  if (typeof error === 'string') throw new Error(`iperf3: ${error}`)
  return {
    megabitsPerSecond: Math.round(end.sum_received.bits_per_second / 1e5) / 10,
    retransmits: end.sum_sent.retransmits ?? 0,
  }
}

const program = `
const { connect } = require('node:net')
const { once } = require('node:events')
const [host, port, rounds] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])]
const open = async () => {
  const socket = connect(port, host)
  await once(socket, 'connect')
  return socket.setNoDelay(true)
}
const microseconds = async (work) => {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / 1000
}
const at = (values, part) => Math.round(values.sort((a, b) => a - b)[Math.floor(values.length * part)])
const main = async () => {
  const socket = await open()
  const ask = async () => {
    socket.write('x\\n')
    for (let text = ''; !text.endsWith('\\n'); ) text += (await once(socket, 'data'))[0]
  }
  for (let round = 0; round < 50; round++) await ask()
  const requests = []
  for (let round = 0; round < rounds; round++) requests.push(await microseconds(ask))
  socket.destroy()
  const connects = []
  for (let round = 0; round < 50; round++) {
    let opened
    connects.push(await microseconds(async () => { opened = await open() }))
    opened.resetAndDestroy()
  }
  console.log(JSON.stringify({ requestP50: at(requests, 0.5), requestP99: at(requests, 0.99), connectP50: at(connects, 0.5) }))
}
main().catch((error) => { console.error(error.message); process.exit(1) })
`

/** Runs in the client's pod; writes a Latency as JSON. */
export function latencyCommand(address: string, rounds: number): string[] {
  return ['node', '-e', program, address, String(ports.lines), String(rounds)]
}
