// The objects that a command line names: "pods", "pod web db", "po/web svc/web", "po,svc", "all".

import type { DiscoveredType, Discovery } from './discovery.ts'

/** One object, or with no name all of a kind. */
export interface Target {
  type: DiscoveredType
  name?: string
}

export interface NamedTarget extends Target {
  name: string
}

/** Resolves words by what the server has. Throws in kubectl's words. */
export async function parseTargets(discovery: Discovery, words: readonly string[]): Promise<Target[]> {
  const [first, ...names] = words
  if (first === undefined) {
    throw new Error('You must specify the type of resource, such as: pods, deployment/web or services -l app=web')
  }
  if (words.some((word) => word.includes('/')))
    return await Promise.all(words.map((word) => parsePair(discovery, word)))
  const types = (await Promise.all(first.split(',').map((word) => findTypes(discovery, word)))).flat()
  return names.length === 0
    ? types.map((type) => ({ type }))
    : types.flatMap((type) => names.map((name) => ({ type, name })))
}

/** As parseTargets, for verbs that need names. A word alone is a name of the usual type, if there is one. */
export async function parseNamedTargets(
  discovery: Discovery,
  words: readonly string[],
  usualType?: string,
): Promise<NamedTarget[]> {
  const [only = ''] = words
  const isBare = words.length === 1 && !only.includes('/') && usualType !== undefined
  const targets = await parseTargets(discovery, isBare ? [usualType, only] : words)
  return targets.map(({ type, name }) => {
    if (name === undefined) throw new Error(`resource name may not be empty: name a ${type.singular}`)
    return { type, name }
  })
}

async function parsePair(discovery: Discovery, word: string): Promise<NamedTarget> {
  const [type = '', name = '', ...rest] = word.split('/')
  if (type === '' || name === '' || rest.length > 0) {
    throw new Error(`arguments in resource/name form must have a single resource and name, not "${word}"`)
  }
  return { type: await discovery.findName(type), name }
}

async function findTypes(discovery: Discovery, word: string): Promise<DiscoveredType[]> {
  const category = await discovery.findCategory(word)
  return category.length > 0 ? category : [await discovery.findName(word)]
}
