import { forbidden, notFound } from '../../../api/objects/status-error.ts'
import { namespaces } from '../../../api/resources/namespaces.ts'
import type { Admission } from './admission.ts'

/** Nothing is made in a namespace that is absent or going away; some namespaces stay for ever. */
export const namespaceLifecycle: Admission = {
  name: 'NamespaceLifecycle',
  async admit({ verb, resource, subresource, object, namespace, name }, cluster) {
    if (verb === 'delete' && resource.plural === 'namespaces' && immortal.includes(name)) {
      throw forbidden(resource, name, 'this namespace may not be deleted')
    }
    // What is there already is evicted and given tokens until it is gone.
    if (verb !== 'create' || subresource !== '' || !resource.namespaced) return
    const found = await cluster.find(namespaces, { name: namespace })
    if (found === undefined) throw notFound(namespaces, namespace)
    if (found.metadata.deletionTimestamp === undefined) return
    const refused = forbidden(
      resource,
      object?.metadata?.name ?? '',
      `unable to create new content in namespace ${namespace} because it is being terminated`,
    )
    refused.status.details = {
      ...refused.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    }
    throw refused
  },
}

const immortal = ['default', 'kube-system', 'kube-public']
