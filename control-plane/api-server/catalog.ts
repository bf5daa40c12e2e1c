// The kinds that are served now. Requests look kinds up here each time, so kinds may come and go.

import type { Resource } from '../../api/resources/resource.ts'

export class Catalog {
  readonly #rows = new Map<string, Resource>()

  constructor(rows: readonly Resource[]) {
    for (const row of rows) this.add(row)
  }

  /** Serves a kind from now on. */
  add(row: Resource): void {
    this.#rows.set(`${row.group}/${row.version}/${row.plural}`, row)
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#rows.get(`${group}/${version}/${plural}`)
  }

  all(): Resource[] {
    return [...this.#rows.values()]
  }

  /** Versions by group, core ("") first, in the order the kinds were added. */
  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>([['', ['v1']]])
    for (const { group, version } of this.#rows.values()) {
      const versions = groups.get(group) ?? []
      if (!versions.includes(version)) versions.push(version)
      groups.set(group, versions)
    }
    return groups
  }

  /** The kinds of one group and version. */
  in(group: string, version: string): Resource[] {
    return this.all().filter((row) => row.group === group && row.version === version)
  }
}
