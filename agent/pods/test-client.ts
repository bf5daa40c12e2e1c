// A cluster in memory that takes strategic merge patches of pods as the API server does, by their schema.

import type { PatchType } from '../../api/client/client.ts'
import { FakeClient } from '../../api/client/fake-client.ts'
import type { ApiObject, ObjectName, Stored } from '../../api/objects/object.ts'
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts'
import { pods } from '../../api/resources/pods.ts'
import type { ResourceType } from '../../api/resources/resource.ts'

export class StrategicClient extends FakeClient {
  override async patch<T extends ApiObject>(
    resource: ResourceType<T>,
    name: ObjectName,
    type: PatchType,
    patch: unknown,
  ): Promise<Stored<T>> {
    if (type !== 'application/strategic-merge-patch+json') return await super.patch(resource, name, type, patch)
    const patched = applyStrategicMergePatch(await this.get(resource, name), patch, pods.definition)
    return await this.update(resource, patched as T)
  }
}
