// fairlead delete: by name, by label, by manifest; waits until the objects are gone.

import type { Command } from 'commander'
import type { DeleteOptions } from '../../api/client/client.ts'
import type { ObjectName } from '../../api/objects/object.ts'
import { isNotFound } from '../../api/objects/status-error.ts'
import { collect } from '../collect.ts'
import type { DiscoveredType } from '../discovery.ts'
import { parseDuration } from '../duration.ts'
import { readManifests } from '../manifests.ts'
import { place } from '../placement.ts'
import { inSession, type Session } from '../session.ts'
import { parseTargets, type Target } from '../targets.ts'

interface Options {
  filename?: string[]
  recursive?: boolean
  selector?: string
  all?: boolean
  gracePeriod?: string
  now?: boolean
  force?: boolean
  cascade: string
  wait: boolean
  timeout: string
  ignoreNotFound?: boolean
}

interface Doomed {
  type: DiscoveredType
  name: ObjectName
}

const policies: Record<string, DeleteOptions['propagationPolicy']> = {
  background: 'Background',
  foreground: 'Foreground',
  orphan: 'Orphan',
}

/** Adds the verb. */
export function addDelete(program: Command): void {
  program
    .command('delete [targets...]')
    .description('delete objects: delete pod web, delete -f web.yaml, delete pods -l app=web')
    .option('-f, --filename <file>', 'the objects of a file, a folder, or - for standard input', collect)
    .option('-R, --recursive', 'also the folders in folders')
    .option('-l, --selector <labels>', 'all with these labels')
    .option('--all', 'all of the kind in the namespace')
    .option('--grace-period <seconds>', 'time for the pods to end by themselves')
    .option('--now', 'the same as --grace-period=1')
    .option('--force', 'with --grace-period=0: do not wait for the node')
    .option('--cascade <policy>', 'background, foreground or orphan', 'background')
    .option('--no-wait', 'return before the objects are gone')
    .option('--timeout <duration>', 'how long to wait, such as 30s; 0: for ever', '0')
    .option('--ignore-not-found', 'end well when an object is not there')
    .action(
      inSession(async (session: Session, words: string[], options: Options) => {
        const doomed = await findDoomed(session, words, options)
        if (doomed.length === 0) process.stdout.write('No resources found\n')
        const settings = toDeleteOptions(options)
        const deleted: Doomed[] = []
        for (const one of doomed) if (await remove(session, one, settings, options)) deleted.push(one)
        if (options.wait) await waitUntilGone(session, deleted, parseDuration(options.timeout))
      }),
    )
}

async function findDoomed(session: Session, words: string[], options: Options): Promise<Doomed[]> {
  if (options.filename !== undefined) {
    const manifests = readManifests(options.filename, options)
    return await Promise.all(manifests.map((manifest) => place(session, manifest)))
  }
  const targets = await parseTargets(session.discovery, words)
  return (await Promise.all(targets.map((target) => expand(session, target, options)))).flat()
}

async function expand(session: Session, { type, name }: Target, { selector, all }: Options): Promise<Doomed[]> {
  const namespace = type.namespaced ? session.namespace : undefined
  if (name !== undefined) return [{ type, name: { namespace, name } }]
  if (selector === undefined && all !== true) {
    throw new Error('resource(s) were provided, but no name was specified: name them, or use -l or --all')
  }
  const { items } = await session.client.list(type, { namespace, labelSelector: selector })
  return items.map(({ metadata }) => ({ type, name: { namespace, name: metadata.name } }))
}

function toDeleteOptions({ gracePeriod, now, force, cascade }: Options): DeleteOptions {
  const propagationPolicy = policies[cascade]
  if (propagationPolicy === undefined)
    throw new Error(`--cascade is background, foreground or orphan, not "${cascade}"`)
  const seconds = gracePeriod ?? (now === true ? '1' : force === true ? '0' : undefined)
  if (seconds !== undefined && !/^\d+$/.test(seconds))
    throw new Error(`--grace-period is a number of seconds, not "${seconds}"`)
  return { propagationPolicy, ...(seconds !== undefined && { gracePeriodSeconds: Number(seconds) }) }
}

async function remove(
  session: Session,
  { type, name }: Doomed,
  settings: DeleteOptions,
  options: Options,
): Promise<boolean> {
  try {
    await session.client.delete(type, name, settings)
  } catch (error) {
    if (options.ignoreNotFound === true && isNotFound(error)) return false
    throw error
  }
  const kind = type.group === '' ? type.singular : `${type.singular}.${type.group}`
  const how = options.force === true ? ' force deleted' : ' deleted'
  const where = name.namespace === undefined ? '' : ` from ${name.namespace} namespace`
  process.stdout.write(`${kind} "${name.name}"${how}${where}\n`)
  return true
}

async function waitUntilGone(session: Session, deleted: Doomed[], timeoutMs: number | undefined): Promise<void> {
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  for (const { type, name } of deleted) {
    await waitForOne(session, { type, name }, signal)
    if (signal?.aborted === true) throw new Error(`timed out waiting for the condition on ${type.plural}/${name.name}`)
  }
}

/** Returns when the object, or the one of that name that there was, is gone. */
async function waitForOne({ client }: Session, { type, name }: Doomed, signal: AbortSignal | undefined): Promise<void> {
  const selection = { namespace: name.namespace, fieldSelector: `metadata.name=${name.name}`, signal }
  while (signal?.aborted !== true) {
    const { items, resourceVersion } = await client.list(type, selection)
    if (items[0]?.metadata.deletionTimestamp === undefined) return
    for await (const { type: event } of client.watch(type, { ...selection, resourceVersion })) {
      if (event === 'DELETED') return
    }
  }
}
