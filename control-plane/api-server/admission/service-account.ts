// Gives every new pod the means to speak to the API server: its service account's name, and a volume with a token, the
// cluster's authority and the namespace, mounted where every client library looks.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#serviceaccount-admission-controller

import type { Container, Pod, PodSpec, ServiceAccount, Volume } from '../../../api/generated/types.ts'
import type { Stored } from '../../../api/objects/object.ts'
import { forbidden } from '../../../api/objects/status-error.ts'
import { containersOf } from '../../../api/resources/pod-spec/defaults.ts'
import { pods } from '../../../api/resources/pods.ts'
import { serviceAccounts } from '../../../api/resources/service-accounts.ts'
import { randomSuffix } from '../random-suffix.ts'
import type { Admission, ClusterReader } from './admission.ts'

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'
/** One hour, and so many seconds more that such tokens are told apart from those that somebody asked for. */
const tokenSeconds = 3607
/** A new namespace gets its default account by a controller, a moment after it was made. */
const patienceMs = { default: 3_000, named: 300 }

/** Sets the service account of new pods and mounts its token. Refuses pods whose account is not there. */
export const serviceAccount: Admission = {
  name: 'ServiceAccount',
  async admit({ verb, resource, subresource, object, namespace, name }, cluster) {
    if (verb !== 'create' || resource.plural !== pods.plural || resource.group !== '' || subresource !== '') return
    const pod: Pod | undefined = object
    if (pod?.spec === undefined) return
    pod.spec.serviceAccountName ||= pod.spec.serviceAccount || 'default'
    const account = await findAccount(cluster, namespace, pod.spec.serviceAccountName)
    if (account === undefined) {
      const which = `${namespace}/${pod.spec.serviceAccountName}`
      const why = `error looking up service account ${which}: serviceaccount "${pod.spec.serviceAccountName}" not found`
      throw forbidden(pods, name, why)
    }
    addPullSecrets(pod.spec, account)
    if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod.spec)
  },
}

async function findAccount(
  cluster: ClusterReader,
  namespace: string,
  name: string,
): Promise<Stored<ServiceAccount> | undefined> {
  const waitMs = name === 'default' ? patienceMs.default : patienceMs.named
  return (await cluster.waitFor(serviceAccounts, { namespace, name }, waitMs)) as Stored<ServiceAccount> | undefined
}

function addPullSecrets(spec: PodSpec, { imagePullSecrets = [] }: Stored<ServiceAccount>): void {
  if ((spec.imagePullSecrets ?? []).length === 0 && imagePullSecrets.length > 0)
    spec.imagePullSecrets = structuredClone(imagePullSecrets)
}

function mountToken(spec: PodSpec): void {
  const needy = containersOf(spec).filter((container) => !mountsThere(container))
  if (needy.length === 0) return
  const present = (spec.volumes ?? []).find(({ name }) => name.startsWith(volumePrefix))
  const volume = present ?? makeVolume()
  if (present === undefined) spec.volumes = [...(spec.volumes ?? []), volume]
  for (const container of needy) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name: volume.name, readOnly: true, mountPath }]
  }
}

const mountsThere = ({ volumeMounts = [] }: Container) => volumeMounts.some((mount) => mount.mountPath === mountPath)

function makeVolume(): Volume {
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: tokenSeconds } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ]
  return { name: volumePrefix + randomSuffix(), projected: { sources, defaultMode: 0o644 } }
}
