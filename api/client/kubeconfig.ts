// Where the API server is and who we are, from the files that kubectl uses.
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/

import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'

/** What a context of a kubeconfig says. It can be given to TlsTransport as it is. */
export interface Kubeconfig {
  server: string
  /** PEM. */
  ca?: string
  cert?: string
  key?: string
  /** Where the two were read from, if the kubeconfig names files. */
  certFile?: string
  keyFile?: string
  token?: string
  servername?: string
  insecure?: boolean
  /** The context's namespace, else "default". */
  namespace: string
  /** The context's name. */
  context: string
}

interface Fields {
  [name: string]: unknown
}

/** Entries of all files, each with the folder that its relative paths start from; the first of a name counts. */
interface Merged {
  files: string[]
  currentContext: string | undefined
  clusters: Map<string, Fields>
  contexts: Map<string, Fields>
  users: Map<string, Fields>
}

const folderOf = Symbol('folder')
type Entry = Fields & { [folderOf]?: string }

/**
 * Reads the file, or those of $KUBECONFIG, or ~/.kube/config, and follows the context, or the current one. Throws an Error that
 * says which file, context or field is at fault.
 */
export function loadKubeconfig(path?: string, context?: string): Kubeconfig {
  const merged = mergeFiles(findFiles(path))
  const name = context ?? merged.currentContext
  const where = merged.files.join(delimiter)
  if (name === undefined || name === '') throw new Error(`${where} has no current-context: choose one with --context`)
  const chosen = merged.contexts.get(name)
  if (chosen === undefined) throw new Error(`context "${name}" does not exist in ${where}`)
  const cluster = pick(merged.clusters, chosen, 'cluster', name, where)
  const user = text(chosen, 'user') === undefined ? {} : pick(merged.users, chosen, 'user', name, where)
  return {
    ...readCluster(cluster, where),
    ...readUser(user),
    namespace: text(chosen, 'namespace') ?? 'default',
    context: name,
  }
}

function findFiles(path: string | undefined): string[] {
  if (path !== undefined) return [path]
  const listed = (process.env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (listed.length === 0) return [join(homedir(), '.kube', 'config')]
  // Files of the list that are not there count as empty, as kubectl has it.
  const present = listed.filter((file) => existsSync(file))
  return present.length === 0 ? listed.slice(0, 1) : present
}

function mergeFiles(files: string[]): Merged {
  const merged: Merged = {
    files,
    currentContext: undefined,
    clusters: new Map(),
    contexts: new Map(),
    users: new Map(),
  }
  for (const file of files) {
    const content = readFile(file)
    const current = text(content, 'current-context')
    if (current !== '') merged.currentContext ??= current
    addEntries(merged.clusters, content, 'clusters', 'cluster', file)
    addEntries(merged.contexts, content, 'contexts', 'context', file)
    addEntries(merged.users, content, 'users', 'user', file)
  }
  return merged
}

function readFile(file: string): Fields {
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if (isMissing(error)) throw new Error(`kubeconfig ${file} does not exist: give one with --kubeconfig or KUBECONFIG`)
    throw new Error(`cannot read kubeconfig ${file}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
  if (content === null) return {}
  if (!isFields(content))
    throw new Error(`kubeconfig ${file} is not a kubeconfig: expected fields, found ${typeof content}`)
  return content
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function addEntries(into: Map<string, Fields>, content: Fields, list: string, field: string, file: string): void {
  const entries = content[list] ?? []
  if (!Array.isArray(entries)) throw new Error(`kubeconfig ${file}: ${list} must be a list`)
  for (const entry of entries) {
    if (!isFields(entry)) throw new Error(`kubeconfig ${file}: an entry of ${list} has no fields`)
    const [name, value] = [text(entry, 'name'), entry[field] ?? {}]
    if (name === undefined) throw new Error(`kubeconfig ${file}: an entry of ${list} has no name`)
    if (!isFields(value)) throw new Error(`kubeconfig ${file}: ${field} "${name}" must have fields`)
    const known: Entry = { ...value, [folderOf]: dirname(resolve(file)) }
    if (!into.has(name)) into.set(name, known)
  }
}

function pick(entries: Map<string, Fields>, context: Fields, field: string, name: string, where: string): Entry {
  const wanted = text(context, field)
  if (wanted === undefined) throw new Error(`context "${name}" in ${where} names no ${field}`)
  const found = entries.get(wanted)
  if (found === undefined) throw new Error(`${field} "${wanted}" of context "${name}" does not exist in ${where}`)
  return found
}

function readCluster(cluster: Entry, where: string) {
  const server = text(cluster, 'server')
  if (server === undefined) throw new Error(`the cluster in ${where} has no server`)
  if (!URL.canParse(server)) throw new Error(`the cluster in ${where} has the server "${server}", which is no URL`)
  return {
    server,
    ...optional('ca', readPem(cluster, 'certificate-authority')),
    ...optional('servername', text(cluster, 'tls-server-name')),
    ...(cluster['insecure-skip-tls-verify'] === true && { insecure: true }),
  }
}

function readUser(user: Entry) {
  const unsupported = ['exec', 'auth-provider', 'username'].find((field) => user[field] !== undefined)
  if (unsupported !== undefined) {
    throw new Error(`users with "${unsupported}" are not supported: use a client certificate or a token`)
  }
  const tokenFile = text(user, 'tokenFile')
  const token = tokenFile === undefined ? text(user, 'token') : readBeside(user, tokenFile).trim()
  const [cert, key] = [readPem(user, 'client-certificate'), readPem(user, 'client-key')]
  if ((cert === undefined) !== (key === undefined)) {
    throw new Error(`a user needs both client-certificate and client-key; only one is there`)
  }
  const files = {
    ...optional('certFile', fileOf(user, 'client-certificate')),
    ...optional('keyFile', fileOf(user, 'client-key')),
  }
  return { ...optional('cert', cert), ...optional('key', key), ...files, ...optional('token', token) }
}

/** Inline data has precedence over a file. */
function readPem(entry: Entry, field: string): string | undefined {
  const file = fileOf(entry, field)
  if (file !== undefined) return readBeside(entry, file)
  const data = text(entry, `${field}-data`) ?? ''
  return data === '' ? undefined : Buffer.from(data, 'base64').toString('utf8')
}

/** The path of the file that counts for a field; undefined for inline data. */
function fileOf(entry: Entry, field: string): string | undefined {
  const file = text(entry, field) ?? ''
  const isInline = (text(entry, `${field}-data`) ?? '') !== ''
  return isInline || file === '' ? undefined : resolve(entry[folderOf] ?? '.', file)
}

function readBeside(entry: Entry, file: string): string {
  const path = resolve(entry[folderOf] ?? '.', file)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${path}, which the kubeconfig names`, { cause: error })
  }
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new Error(`kubeconfig: ${name} must be text`)
  return value
}

function optional<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: string }
}
