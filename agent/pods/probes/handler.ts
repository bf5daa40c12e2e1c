// Does once what a probe or a lifecycle hook asks: a command in the container, an HTTP request, a TCP connection.

import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type {
  Container as ContainerTemplate,
  HTTPGetAction,
  LifecycleHandler,
  TCPSocketAction,
} from '../../../api/generated/types.ts'
import type { Runtime } from '../../runtime/runtime.ts'

export interface HandlerTarget {
  runtime: Pick<Runtime, 'execSync'>
  containerId: string
  template: ContainerTemplate
  /** The pod's address as the agent reaches it. */
  ip: string
  timeoutMs: number
  userAgent: string
}

/** output is for the event when it failed. */
export interface HandlerResult {
  ok: boolean
  output: string
}

const longestOutput = 1024
/** More of an answer's body is not read: it may have no end. As the kubelet has it. */
const longestBody = 10 * 1024

/** Never throws: what cannot be done has failed. */
export async function runHandler(
  handler: Pick<LifecycleHandler, 'exec' | 'httpGet' | 'tcpSocket'>,
  target: HandlerTarget,
): Promise<HandlerResult> {
  try {
    if (handler.exec !== undefined) return await runExec(handler.exec.command ?? [], target)
    if (handler.httpGet !== undefined) return await runHttp(handler.httpGet, target)
    if (handler.tcpSocket !== undefined) return await runTcp(handler.tcpSocket, target)
    return { ok: false, output: 'this kind of probe is not supported yet' }
  } catch (error) {
    return { ok: false, output: error instanceof Error ? error.message : String(error) }
  }
}

async function runExec(command: string[], { runtime, containerId, timeoutMs }: HandlerTarget): Promise<HandlerResult> {
  const { exitCode, output, timedOut } = await runtime.execSync(containerId, command, timeoutMs)
  if (timedOut)
    return { ok: false, output: `command timed out: ${command.join(' ')} timed out after ${timeoutMs / 1000}s` }
  return { ok: exitCode === 0, output: output.slice(0, longestOutput) }
}

async function runHttp(action: HTTPGetAction, target: HandlerTarget): Promise<HandlerResult> {
  const { timeoutMs, userAgent, ip, template } = target
  const { host = ip, path = '/', scheme = 'HTTP', httpHeaders = [] } = action
  const port = findPort(action.port, template)
  const url = new URL(path.startsWith('/') ? path : `/${path}`, `${scheme.toLowerCase()}://${bracket(host)}:${port}`)
  const headers: Record<string, string> = { 'user-agent': userAgent, accept: '*/*', connection: 'close' }
  for (const { name, value } of httpHeaders) headers[name.toLowerCase()] = value
  const { status, body } = await send(url, headers, timeoutMs)
  if (status >= 200 && status < 400) return { ok: true, output: body }
  return { ok: false, output: `HTTP probe failed with statuscode: ${status}` }
}

function send(url: URL, headers: Record<string, string>, timeoutMs: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage) => {
      let body = ''
      const finish = () => resolve({ status: response.statusCode ?? 0, body: body.slice(0, longestOutput) })
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length < longestBody) return
        finish()
        response.destroy()
      })
      response.on('end', finish)
      response.on('error', reject)
    }
    const signal = AbortSignal.timeout(timeoutMs)
    const options = { headers, agent: false as const, signal }
    // A probe asks whether the container answers, not who it is: certificates are not checked, as in Kubernetes.
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, rejectUnauthorized: false }, onResponse)
        : httpRequest(url, options, onResponse)
    const explain = (error: Error) =>
      signal.aborted
        ? new Error(`Get "${url}": context deadline exceeded (timed out after ${timeoutMs / 1000}s)`)
        : new Error(`Get "${url}": ${error.message}`, { cause: error })
    request.on('error', (error) => reject(explain(error)))
    request.end()
  })
}

function runTcp({ host, port }: TCPSocketAction, { ip, template, timeoutMs }: HandlerTarget): Promise<HandlerResult> {
  const address = { host: host ?? ip, port: findPort(port, template) }
  return new Promise((resolve) => {
    const socket = connect(address)
    const finish = (ok: boolean, output: string) => {
      socket.destroy()
      resolve({ ok, output })
    }
    socket.setTimeout(timeoutMs, () => finish(false, `dial tcp ${address.host}:${address.port}: i/o timeout`))
    socket.on('connect', () => finish(true, ''))
    socket.on('error', (error) => finish(false, `dial tcp ${address.host}:${address.port}: ${error.message}`))
  })
}

/** A port by number or by the name it has in the container's ports. */
function findPort(port: number | string, { name, ports = [] }: ContainerTemplate): number {
  if (typeof port === 'number') return port
  const named = ports.find((candidate) => candidate.name === port)?.containerPort ?? Number(port)
  if (!Number.isInteger(named) || named < 1) throw new Error(`couldn't find port: ${port} in container ${name}`)
  return named
}

const bracket = (host: string) => (host.includes(':') ? `[${host}]` : host)
