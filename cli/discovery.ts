// Which kinds the server has, and what they are called. Nothing is built in: kinds that a server learns tomorrow work today.

import { isNotFound } from '../api/objects/status-error.ts'
import type { ResourceType } from '../api/resources/resource.ts'

/** A kind as the server describes it. */
export interface DiscoveredType extends ResourceType {
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
}

interface ResourceList {
  resources: {
    name: string
    singularName?: string
    kind: string
    namespaced: boolean
    shortNames?: string[]
    categories?: string[]
    verbs?: string[]
  }[]
}

interface GroupList {
  groups: { name: string; preferredVersion?: { version: string }; versions: { version: string }[] }[]
}

/** Looks kinds up, and remembers what it has read for the length of one command. */
export class Discovery {
  readonly #fetchJson: <T>(path: string) => Promise<T>
  readonly #lists = new Map<string, Promise<DiscoveredType[]>>()
  #all: Promise<DiscoveredType[]> | undefined

  constructor(fetchJson: <T>(path: string) => Promise<T>) {
    this.#fetchJson = fetchJson
  }

  /** The type of an object in a manifest. Throws in kubectl's words. */
  async findKind(apiVersion: string, kind: string): Promise<DiscoveredType> {
    const [version = '', group = ''] = apiVersion.split('/').reverse()
    const types = await this.#list(group, version).catch((error: unknown) => {
      if (isNotFound(error)) return []
      throw error
    })
    const found = types.find((type) => type.kind === kind)
    if (found !== undefined) return found
    throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"\nensure CRDs are installed first`)
  }

  /** The type that a user calls po, pods, Pod, deployments.apps or deployments.v1.apps. */
  async findName(word: string): Promise<DiscoveredType> {
    const [name = '', ...rest] = word.toLowerCase().split('.')
    const group = rest.join('.')
    const types = (await this.#everything()).filter((type) => group === '' || isGroup(type, group))
    const found =
      types.find((type) => type.plural === name || type.singular === name || type.kind.toLowerCase() === name) ??
      types.find(({ shortNames }) => shortNames.includes(name))
    if (found === undefined) throw new Error(`the server doesn't have a resource type "${word}"`)
    return found
  }

  /** The types of a category, such as all; empty if there is none. */
  async findCategory(word: string): Promise<DiscoveredType[]> {
    return (await this.#everything()).filter(({ categories }) => categories.includes(word))
  }

  #everything(): Promise<DiscoveredType[]> {
    this.#all ??= this.#readAll()
    return this.#all
  }

  async #readAll(): Promise<DiscoveredType[]> {
    const [core, { groups }] = await Promise.all([this.#list('', 'v1'), this.#fetchJson<GroupList>('/apis')])
    const lists = groups.map(({ name, preferredVersion, versions }) =>
      this.#list(name, preferredVersion?.version ?? versions[0]?.version ?? 'v1'),
    )
    return [...core, ...(await Promise.all(lists)).flat()]
  }

  #list(group: string, version: string): Promise<DiscoveredType[]> {
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    const known = this.#lists.get(path) ?? this.#read(path, group, version)
    this.#lists.set(path, known)
    return known
  }

  async #read(path: string, group: string, version: string): Promise<DiscoveredType[]> {
    const { resources } = await this.#fetchJson<ResourceList>(path)
    const types = resources.map(({ name, singularName, kind, namespaced, shortNames, categories, verbs }) => ({
      group,
      version,
      kind,
      plural: name,
      namespaced,
      singular: singularName || kind.toLowerCase(),
      shortNames: shortNames ?? [],
      categories: categories ?? [],
      verbs: verbs ?? [],
    }))
    return types.filter(({ plural }) => !plural.includes('/'))
  }
}

const isGroup = ({ group, version }: DiscoveredType, asked: string) =>
  asked === group || asked === `${version}.${group}`

/** How commands name an object: pod/web, deployment.apps/web. */
export function formatName({ group, singular }: DiscoveredType, name: string): string {
  return `${group === '' ? singular : `${singular}.${group}`}/${name}`
}
