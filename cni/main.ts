// The program `cbr`: environment and stdin in, JSON out, as the CNI specification says in "Execution Protocol".

import { readFileSync, writeFileSync } from 'node:fs'
import { enableNetlink } from './linux/netlink.ts'
import { hasCode } from './linux/system-error.ts'
import { add, check, del, gc, status } from './plugin.ts'
import { CniError, errorCodes, type Invocation, type NetworkConfig, supportedVersions } from './spec.ts'

const help = `The CNI plugin of Fairlead: gives a container an address and a cable into the node's bridge.

A container runtime calls it, with the configuration on standard input and the command in CNI_COMMAND:
  echo '{"cniVersion":"1.1.0","name":"pods","type":"cbr"}' | CNI_COMMAND=VERSION cbr`

let cniVersion = supportedVersions.at(-1) ?? ''
try {
  if (process.argv.length > 2) say(help)
  else await answer()
} catch (error) {
  const known =
    error instanceof CniError
      ? error
      : new CniError(errorCodes.ioFailure, error instanceof Error ? error.message : String(error))
  say(JSON.stringify(known.toJson(cniVersion)))
  process.exitCode = 1
}

/** Reads the configuration, does what the environment asks for, and prints the result. Throws a CniError. */
async function answer(): Promise<void> {
  const config = parseInput(await readInput())
  cniVersion = config.cniVersion
  enableNetlink()
  const result = await dispatch(process.env.CNI_COMMAND ?? '', config)
  if (result !== undefined) say(JSON.stringify(result))
}

/** At once: Node's streams take longer to set up than the kernel takes for the cable. A stdin that cannot wait is read as a stream. */
async function readInput(): Promise<string> {
  try {
    return readFileSync(0, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error
    const { text } = await import('node:stream/consumers')
    return await text(process.stdin)
  }
}

function say(line: string): void {
  writeFileSync(1, `${line}\n`)
}

async function dispatch(command: string, config: NetworkConfig): Promise<object | undefined> {
  switch (command) {
    case 'VERSION':
      return { cniVersion: config.cniVersion, supportedVersions }
    case 'ADD':
      return await add(config, readInvocation())
    case 'DEL':
      return void (await del(config, readInvocation()))
    case 'CHECK':
      return void (await check(config, readInvocation()))
    case 'GC':
      return void (await gc(config))
    case 'STATUS':
      return void (await status(config))
    default:
      throw new CniError(
        errorCodes.invalidEnvironment,
        `CNI_COMMAND "${command}": must be ADD, DEL, CHECK, GC, STATUS or VERSION`,
      )
  }
}

function parseInput(input: string): NetworkConfig {
  try {
    return JSON.parse(input)
  } catch (error) {
    throw new CniError(
      errorCodes.decodeFailure,
      'standard input is not a network configuration in JSON',
      error instanceof Error ? error.message : '',
    )
  }
}

function readInvocation(): Invocation {
  const { CNI_CONTAINERID: containerId = '', CNI_IFNAME: ifname = '', CNI_NETNS: netns } = process.env
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(containerId))
    throw new CniError(
      errorCodes.invalidEnvironment,
      `CNI_CONTAINERID "${containerId}": must start with a letter or digit`,
    )
  if (!/^[^/:\s]{1,15}$/.test(ifname))
    throw new CniError(
      errorCodes.invalidEnvironment,
      `CNI_IFNAME "${ifname}": must be an interface name of 1 to 15 characters`,
    )
  return { containerId, ifname, args: readArgs(), ...(netns !== undefined && { netns }) }
}

/** CNI_ARGS as pairs: "IgnoreUnknown=1;K8S_POD_NAME=web". */
function readArgs(): Record<string, string> {
  const pairs = (process.env.CNI_ARGS ?? '').split(';').map((pair) => pair.split('='))
  return Object.fromEntries(pairs.map(([name = '', ...value]) => [name, value.join('=')]))
}
