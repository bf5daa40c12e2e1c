// fairlead get: objects as the server's tables, or whole.

import { type Command, Option } from 'commander'
import type { ObjectList } from '../../api/client/client.ts'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { isNotFound } from '../../api/objects/status-error.ts'
import { pathOf } from '../../api/resources/resource.ts'
import { formatName } from '../discovery.ts'
import { type Format, formatNames, parseFormat } from '../output/format.ts'
import type { Template } from '../output/json-path/evaluate.ts'
import { readRelaxedPath } from '../output/json-path/json-path.ts'
import { sortByPath } from '../output/sort.ts'
import { inSession, type Session } from '../session.ts'
import { type Table, TablePrinter, tableType } from '../table.ts'
import { parseTargets, type Target } from '../targets.ts'

interface GetOptions {
  output: Format
  sortBy?: Template
  selector?: string
  fieldSelector?: string
  allNamespaces?: boolean
  watch?: boolean
  watchOnly?: boolean
  headers: boolean
  showLabels?: boolean
  ignoreNotFound?: boolean
}

const examples = `
Examples:
  fairlead get pods -l app=web -o wide
  fairlead get service web -o jsonpath='{.spec.clusterIP}'
  fairlead get pods -A -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName --sort-by=.spec.nodeName
  fairlead get pods -o jsonpath='{range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}'

A template of jsonpath is as kubectl knows it: text, and in braces the path of what to print. A field that is missing
prints nothing. Escape the dots of a name: {.metadata.labels.app\\.kubernetes\\.io/name}`

/** Adds the verb. */
export function addGet(program: Command): void {
  program
    .command('get <targets...>')
    .description('show objects: get pods, get pod web -o yaml, get deploy/web svc/web, get all')
    .addOption(
      new Option('-o, --output <format>', `one of ${formatNames.join(', ')}`)
        .default(parseFormat(undefined), 'a table')
        .argParser((output: string) => parseFormat(output)),
    )
    .option('-l, --selector <labels>', 'only objects with these labels, such as app=web,tier!=db')
    .option('--field-selector <fields>', 'only objects with these fields, such as spec.nodeName=node-1')
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(
      new Option('--sort-by <path>', 'in order of a field, such as .metadata.creationTimestamp').argParser(
        readRelaxedPath,
      ),
    )
    .option('-w, --watch', 'go on with changes as they come')
    .option('--watch-only', 'changes only')
    .option('--no-headers', 'leave the headers out')
    .option('--show-labels', 'show the labels in a last column')
    .option('--ignore-not-found', 'end well when a named object is not there')
    .addHelpText('after', examples)
    .action(
      inSession(async (session: Session, words: string[], options: GetOptions) => {
        const targets = await parseTargets(session.discovery, words)
        if (options.watch === true || options.watchOnly === true) await watch(session, targets, options)
        else if (options.output.kind === 'table') await printTables(session, targets, options)
        else await printObjects(session, targets, options)
      }),
    )
}

/** The path of what a target names, as a list where a query is to apply. */
function toPath(
  session: Session,
  { type, name }: Target,
  options: GetOptions,
  query: Record<string, string> = {},
): string {
  const namespace = options.allNamespaces === true ? undefined : session.namespace
  const isOne = name !== undefined && query.watch === undefined
  const fields = [options.fieldSelector, ...(name !== undefined && !isOne ? [`metadata.name=${name}`] : [])]
  const parameters = new URLSearchParams({
    ...(options.selector !== undefined && { labelSelector: options.selector }),
    ...(fields.some(Boolean) && { fieldSelector: fields.filter(Boolean).join(',') }),
    ...query,
  })
  if (name !== undefined && options.allNamespaces === true && type.namespaced) {
    throw new Error('a resource cannot be retrieved by name across all namespaces')
  }
  const path = pathOf(type, { namespace, ...(isOne && { name }) })
  return parameters.size === 0 ? path : `${path}?${parameters}`
}

async function unlessMissing<T>(work: Promise<T>, { ignoreNotFound }: GetOptions): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (ignoreNotFound === true && isNotFound(error)) return undefined
    throw error
  })
}

async function printTables(session: Session, targets: Target[], options: GetOptions): Promise<void> {
  // Rows hold no more than metadata unless asked, and order may come from any field.
  const query: Record<string, string> = options.sortBy === undefined ? {} : { includeObject: 'Object' }
  const answers = targets.map((target) =>
    unlessMissing(session.fetchJson<Table>(toPath(session, target, options, query), tableType), options),
  )
  const tables = (await Promise.all(answers)).flatMap((table, at) => {
    const target = targets[at]
    return table === undefined || target === undefined ? [] : [{ table, target }]
  })
  const blocks = [...Map.groupBy(tables, ({ target }) => target.type).values()].flatMap((group) => {
    const rows = inOrder(
      group.flatMap(({ table }) => table.rows),
      options,
      ({ object }) => object,
    )
    const [first] = group
    if (first === undefined || rows.length === 0) return []
    const isMixed = targets.some(({ type }) => type !== first.target.type)
    return [makePrinter(first.target, options, isMixed).format({ ...first.table, rows })]
  })
  if (blocks.length === 0 && tables.length > 0) reportNothing(session, targets, options)
  process.stdout.write(blocks.join('\n'))
}

const inOrder = <T>(items: T[], { sortBy }: GetOptions, objectOf: (item: T) => unknown): T[] =>
  sortBy === undefined ? items : sortByPath(items, sortBy, objectOf)

function makePrinter({ type }: Target, options: GetOptions, isMixed: boolean): TablePrinter {
  return new TablePrinter({
    isWide: options.output.kind === 'table' && options.output.isWide,
    withNamespace: options.allNamespaces === true && type.namespaced,
    withLabels: options.showLabels === true,
    noHeaders: !options.headers,
    ...(isMixed && { namePrefix: formatName(type, '') }),
  })
}

function reportNothing(session: Session, targets: Target[], { allNamespaces, ignoreNotFound }: GetOptions): void {
  if (ignoreNotFound === true) return
  const isEverywhere = allNamespaces === true || targets.every(({ type }) => !type.namespaced)
  process.stderr.write(
    isEverywhere ? 'No resources found\n' : `No resources found in ${session.namespace} namespace.\n`,
  )
}

async function printObjects(session: Session, targets: Target[], options: GetOptions): Promise<void> {
  const answers = await Promise.all(
    targets.map((target) => unlessMissing(fetchObjects(session, target, options), options)),
  )
  const unsorted = answers.flatMap((objects, at) => (objects ?? []).map((object) => ({ object, target: targets[at] })))
  const found = inOrder(unsorted, options, ({ object }) => object)
  if (options.output.kind === 'name') {
    for (const { object, target } of found) {
      if (target !== undefined) process.stdout.write(`${formatName(target.type, object.metadata.name)}\n`)
    }
    return
  }
  const objects = found.map(({ object }) => object)
  const isOne = targets.length === 1 && targets[0]?.name !== undefined
  if (isOne && objects.length === 0) return
  const value = isOne
    ? objects[0]
    : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } }
  process.stdout.write(formatWhole(value, options))
}

const formatWhole = (value: unknown, { output, headers }: GetOptions) =>
  output.kind === 'object' ? output.format(value, { headers }) : ''

async function fetchObjects(session: Session, target: Target, options: GetOptions): Promise<Stored<ApiObject>[]> {
  const { type, name } = target
  const path = toPath(session, target, options)
  if (name !== undefined) return [await session.fetchJson<Stored<ApiObject>>(path)]
  const { items = [] } = await session.fetchJson<Partial<ObjectList<ApiObject>>>(path)
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`
  return items.map((item) => ({ apiVersion, kind: type.kind, ...item }))
}

async function watch(session: Session, targets: Target[], options: GetOptions): Promise<void> {
  const [target] = targets
  if (target === undefined || targets.length > 1)
    throw new Error('you may only specify a single resource type with --watch')
  if (options.sortBy !== undefined)
    process.stderr.write('warning: changes come as they happen, whatever --sort-by says\n')
  const printer = makePrinter(target, options, false)
  const list = await session.fetchJson<Table>(
    toPath(session, { type: target.type }, withName(target, options)),
    tableType,
  )
  if (options.watchOnly !== true && options.output.kind === 'table' && list.rows.length > 0)
    process.stdout.write(printer.format(list))
  if (options.watchOnly !== true && options.output.kind !== 'table') await printObjects(session, targets, options)
  let resourceVersion = list.metadata?.resourceVersion ?? ''
  // Servers end watches after some minutes; ours goes on where it was.
  for (;;) {
    const path = toPath(session, target, options, { watch: 'true', resourceVersion, allowWatchBookmarks: 'true' })
    const accept = options.output.kind === 'table' ? tableType : 'application/json'
    for await (const { type, object } of session.watchJson<Table & Stored<ApiObject>>(path, accept)) {
      resourceVersion = versionOf(object) ?? resourceVersion
      if (type !== 'BOOKMARK') process.stdout.write(formatEvent(object, target, printer, options))
    }
  }
}

const withName = ({ name }: Target, options: GetOptions): GetOptions =>
  name === undefined ? options : { ...options, fieldSelector: `metadata.name=${name}` }

function versionOf(object: Table & Stored<ApiObject>): string | undefined {
  const { metadata } = object.rows?.at(-1)?.object ?? object
  return metadata?.resourceVersion === '' ? undefined : metadata?.resourceVersion
}

function formatEvent(
  object: Table & Stored<ApiObject>,
  { type }: Target,
  printer: TablePrinter,
  options: GetOptions,
): string {
  if (options.output.kind === 'table')
    return printer.format({ ...object, columnDefinitions: object.columnDefinitions ?? [] })
  if (options.output.kind === 'name') return `${formatName(type, object.metadata.name)}\n`
  const isDocument = options.output.kind === 'object' && options.output.isDocument
  return `${isDocument ? '---\n' : ''}${formatWhole(object, options)}`
}
