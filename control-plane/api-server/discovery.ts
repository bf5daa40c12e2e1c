// What is served: /api, /apis, /api/v1, /apis/<group>/<version>, the aggregated form of all of them, and /version.
// https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api

import { noSuchPath } from '../../api/objects/status-error.ts'
import { apiVersionOf, type Resource, type Subresource } from '../../api/resources/resource.ts'
import type { Catalog } from './catalog.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { parseMediaRange } from './negotiation.ts'
import { bodyTypeOf } from './subresources.ts'

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/** Answers discovery paths; undefined for others. */
export function answerDiscovery({ url, headers }: ApiRequest, catalog: Catalog): ApiResponse | undefined {
  const [root, group, version, ...more] = url.pathname.replace(/^\/|\/$/g, '').split('/')
  if (root === 'version' && group === undefined) return respond(versionInfo)
  if (more.length > 0 || (root !== 'api' && root !== 'apis')) return undefined
  const isCore = root === 'api'
  const aggregated = aggregatedVersion(headers.accept)
  if (group === undefined) {
    if (aggregated !== undefined) return respondAggregated(catalog, isCore, aggregated)
    return respond(isCore ? coreVersions() : groupList(catalog))
  }
  if (isCore) return version === undefined ? respond(resourceList(catalog, '', group)) : undefined
  return respond(version === undefined ? groupOf(catalog, group) : resourceList(catalog, group, version))
}

const versionInfo = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+fairlead',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
}

function coreVersions() {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
}

function groupList(catalog: Catalog) {
  const groups = [...catalog.groups().keys()]
    .filter((group) => group !== '')
    .map((group) => describeGroup(catalog, group))
  return { kind: 'APIGroupList', apiVersion: 'v1', groups }
}

function groupOf(catalog: Catalog, group: string) {
  if (group === '' || !catalog.groups().has(group)) throw noSuchPath()
  return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(catalog, group) }
}

function describeGroup(catalog: Catalog, group: string) {
  const versions = (catalog.groups().get(group) ?? []).map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }))
  return { name: group, versions, preferredVersion: versions[0] }
}

function resourceList(catalog: Catalog, group: string, version: string) {
  const rows = catalog.in(group, version)
  if (rows.length === 0) throw noSuchPath()
  const resources = rows.flatMap((row) => [
    describeResource(row),
    ...row.subresources.map((sub) => describeSub(row, sub)),
  ])
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf({ group, version }), resources }
}

function describeResource({ plural, singular, namespaced, kind, shortNames, categories, verbs = allVerbs }: Resource) {
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  }
}

function describeSub(row: Resource, subresource: Subresource) {
  const { group, version, kind } = kindOfSub(row, subresource)
  return {
    name: `${row.plural}/${subresource}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(group !== row.group && { group, version }),
    kind,
    verbs: verbsOfSub(subresource),
  }
}

function kindOfSub(row: Resource, subresource: Subresource): { group: string; version: string; kind: string } {
  const connect: Partial<Record<Subresource, string>> = {
    exec: 'PodExecOptions',
    attach: 'PodAttachOptions',
    portforward: 'PodPortForwardOptions',
    proxy: `${row.kind}ProxyOptions`,
  }
  const kind = connect[subresource]
  return kind === undefined ? bodyTypeOf(row, subresource) : { group: row.group, version: row.version, kind }
}

function verbsOfSub(subresource: Subresource): string[] {
  switch (subresource) {
    case 'binding':
    case 'eviction':
    case 'token':
      return ['create']
    case 'log':
      return ['get']
    case 'finalize':
      return ['update']
    case 'exec':
    case 'attach':
    case 'portforward':
      return ['create', 'get']
    case 'proxy':
      return ['create', 'delete', 'get', 'patch', 'update']
    default:
      return ['get', 'patch', 'update']
  }
}

/** The version of apidiscovery.k8s.io that a client accepts before plain JSON. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const range of (accept ?? '').split(',')) {
    const { type, parameters } = parseMediaRange(range)
    if (type !== 'application/json') continue
    const version = parameters.get('v') ?? ''
    const isAggregated =
      parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io'
    if (isAggregated && ['v2', 'v2beta1'].includes(version)) return version
    if (!parameters.has('as')) return undefined
  }
  return undefined
}

function respondAggregated(catalog: Catalog, isCore: boolean, version: string): ApiResponse {
  const groups = [...catalog.groups()].filter(([group]) => (group === '') === isCore)
  const items = groups.map(([group, versions]) => ({
    metadata: group === '' ? {} : { name: group },
    versions: versions.map((each) => ({
      version: each,
      resources: catalog.in(group, each).map(aggregateResource),
      freshness: 'Current',
    })),
  }))
  const list = { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items }
  return respond(list, `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
}

function aggregateResource(row: Resource) {
  const { plural, singular, namespaced, shortNames, categories, subresources, group, version, kind } = row
  const { verbs = allVerbs } = row
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(subresources.length > 0 && {
      subresources: subresources.map((subresource) => {
        const { group: g, version: v, kind: k } = kindOfSub(row, subresource)
        return { subresource, responseKind: { group: g, version: v, kind: k }, verbs: verbsOfSub(subresource) }
      }),
    }),
  }
}

function respond(value: object, contentType = 'application/json'): ApiResponse {
  return { status: 200, headers: { 'content-type': contentType }, body: JSON.stringify(value) }
}
