// Runs a chain of CNI plugins: cbr in this process, which saves a start of Node for every pod, all others as programs.
// https://www.cni.dev/docs/spec/#section-3-execution-of-network-configurations

import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import * as cbr from '../../cni/plugin.ts'
import { CniError, type CniResult, errorCodes, type Invocation, type NetworkConfig } from '../../cni/spec.ts'
import type { NetworkConfigList, PluginConfig } from './conflist.ts'

/** What a chain runs for. */
export interface ChainCall extends Invocation {
  /** CNI_ARGS, such as K8S_POD_NAME. */
  args: Record<string, string>
  /** Given to plugins that declare the capability of the same name, such as portMappings. */
  capabilities: Record<string, unknown>
  /** Folders of plugin programs. */
  binDirs: string[]
}

/** Runs ADD from first to last; each sees the result of those before it. Throws the first failure. */
export async function addChain(list: NetworkConfigList, call: ChainCall): Promise<CniResult> {
  let prevResult: CniResult | undefined
  for (const plugin of list.plugins) {
    const config = toConfig(list, plugin, call, prevResult)
    prevResult = await (config.type === 'cbr' ? cbr.add(config, call) : execPlugin('ADD', config, call))
  }
  if (prevResult === undefined) throw new CniError(errorCodes.invalidConfig, `network ${list.name} has no plugins`)
  return prevResult
}

/** Runs DEL from last to first, all of them; throws the first failure afterwards. `later` takes what cbr need not do now. */
export async function delChain(
  list: NetworkConfigList,
  call: ChainCall,
  prevResult: CniResult | undefined,
  later: cbr.Later,
): Promise<void> {
  const failures: unknown[] = []
  for (const plugin of list.plugins.toReversed()) {
    try {
      const config = toConfig(list, plugin, call, prevResult)
      await (config.type === 'cbr' ? cbr.del(config, call, later) : execPlugin('DEL', config, call))
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** Runs CHECK from first to last. */
export async function checkChain(list: NetworkConfigList, call: ChainCall, prevResult: CniResult): Promise<void> {
  for (const plugin of list.plugins) {
    const config = toConfig(list, plugin, call, prevResult)
    await (config.type === 'cbr' ? cbr.check(config, call) : execPlugin('CHECK', config, call))
  }
}

/** Runs GC of cbr; other plugins learn of it by the DELs of records. */
export async function gcChain(
  list: NetworkConfigList,
  valid: { containerID: string; ifname: string }[],
): Promise<void> {
  for (const plugin of list.plugins) {
    if (plugin.type === 'cbr')
      await cbr.gc({ ...plugin, cniVersion: list.cniVersion, name: list.name, 'cni.dev/valid-attachments': valid })
  }
}

/** The configurations that ADD gives to each cbr of the list. */
export function cbrConfigs(list: NetworkConfigList, call: ChainCall): NetworkConfig[] {
  return list.plugins.filter(({ type }) => type === 'cbr').map((plugin) => toConfig(list, plugin, call, undefined))
}

function toConfig(
  list: NetworkConfigList,
  { capabilities, ...plugin }: PluginConfig,
  call: ChainCall,
  prevResult: CniResult | undefined,
): NetworkConfig {
  const wanted = Object.entries(call.capabilities).filter(([name]) => capabilities?.[name] === true)
  return {
    ...plugin,
    type: String(plugin.type),
    cniVersion: list.cniVersion,
    name: list.name,
    ...(wanted.length > 0 && { runtimeConfig: Object.fromEntries(wanted) }),
    ...(prevResult !== undefined && { prevResult }),
  }
}

async function execPlugin(command: string, config: NetworkConfig, call: ChainCall): Promise<CniResult | undefined> {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: call.containerId,
    CNI_NETNS: call.netns ?? '',
    CNI_IFNAME: call.ifname,
    CNI_ARGS: Object.entries({ IgnoreUnknown: '1', ...call.args })
      .map((pair) => pair.join('='))
      .join(';'),
    CNI_PATH: call.binDirs.join(delimiter),
  }
  const { exitCode, stdout, stderr } = await execa(await findProgram(config.type, call.binDirs), {
    env,
    input: JSON.stringify(config),
    reject: false,
  })
  if (exitCode === 0) return stdout.trim() === '' ? undefined : JSON.parse(stdout)
  throw toError(config.type, stdout, stderr)
}

async function findProgram(type: string, binDirs: string[]): Promise<string> {
  for (const directory of binDirs) {
    const path = join(directory, type)
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  throw new CniError(errorCodes.invalidConfig, `CNI plugin "${type}" is in none of ${binDirs.join(', ')}`)
}

/** A plugin says what is wrong as JSON on stdout; one that crashed says it on stderr. */
function toError(type: string, stdout: string, stderr: string): CniError {
  try {
    const { code, msg, details } = JSON.parse(stdout)
    return new CniError(code, `CNI plugin ${type}: ${msg}`, details)
  } catch (error) {
    return new CniError(
      errorCodes.ioFailure,
      `CNI plugin ${type}: ${stderr.trim() || 'ended without an answer'}`,
      '',
      error,
    )
  }
}
