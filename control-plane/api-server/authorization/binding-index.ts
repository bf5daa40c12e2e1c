import type { ClusterRoleBinding, RbacSubject, RoleBinding } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import type { CacheFollower } from '../cache-follower.ts'
import type { User } from '../exchange.ts'
import { accountUserName } from '../tokens/claims.ts'

/** A binding of either kind. */
export type Binding = Stored<RoleBinding | ClusterRoleBinding>

/** Bindings by whom they are for and in which namespace, so that a question costs what the user has of them. */
export class BindingIndex implements CacheFollower<RoleBinding | ClusterRoleBinding> {
  /** By namespace ("" for the whole cluster), then subject, then uid. */
  readonly #bindings = new Map<string, Map<string, Map<string, Binding>>>()

  reset(bindings: Iterable<Binding>): void {
    this.#bindings.clear()
    for (const binding of bindings) this.#add(binding)
  }

  change(old: Binding | undefined, now: Binding | undefined): void {
    if (old !== undefined) this.#remove(old)
    if (now !== undefined) this.#add(now)
  }

  /** The bindings of one namespace, or of the whole cluster for "", that are for the user; each once. */
  find(user: User, namespace: string): Iterable<Binding> {
    const inScope = this.#bindings.get(namespace)
    if (inScope === undefined) return []
    const found = new Map<string, Binding>()
    for (const key of keysOfUser(user)) for (const [uid, binding] of inScope.get(key) ?? []) found.set(uid, binding)
    return found.values()
  }

  #add(binding: Binding): void {
    const { uid, namespace = '' } = binding.metadata
    const inScope = this.#bindings.get(namespace) ?? new Map<string, Map<string, Binding>>()
    this.#bindings.set(namespace, inScope)
    for (const subject of binding.subjects ?? []) {
      const key = keyOfSubject(subject, namespace)
      inScope.set(key, (inScope.get(key) ?? new Map<string, Binding>()).set(uid, binding))
    }
  }

  #remove({ subjects = [], metadata: { uid, namespace = '' } }: Binding): void {
    const inScope = this.#bindings.get(namespace)
    for (const subject of subjects) {
      const key = keyOfSubject(subject, namespace)
      const bindings = inScope?.get(key)
      bindings?.delete(uid)
      if (bindings?.size === 0) inScope?.delete(key)
    }
    if (inScope?.size === 0) this.#bindings.delete(namespace)
  }
}

/** The first of a binding's subjects that the user is. */
export function subjectFor({ subjects = [], metadata }: Binding, user: User): RbacSubject | undefined {
  const keys = keysOfUser(user)
  return subjects.find((subject) => keys.includes(keyOfSubject(subject, metadata.namespace ?? '')))
}

function keysOfUser({ name, groups }: User): string[] {
  return [`User ${name}`, ...groups.map((group) => `Group ${group}`)]
}

/** Service accounts are users of a certain name; without a namespace they are of the binding's own. */
function keyOfSubject({ kind, name, namespace }: RbacSubject, own: string): string {
  return kind === 'ServiceAccount' ? `User ${accountUserName(namespace || own, name)}` : `${kind} ${name}`
}
