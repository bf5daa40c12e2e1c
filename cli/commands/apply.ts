// fairlead apply: makes objects as their manifests say. What the manifest said last time is kept in an annotation, so that
// fields that leave the manifest leave the object, and those that others have set stay.
// https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/

import type { Command } from 'commander'
import type { ApiObject, Stored } from '../../api/objects/object.ts'
import { isConflict, isNotFound } from '../../api/objects/status-error.ts'
import { createThreeWayPatch } from '../../api/patch/three-way-patch.ts'
import { resources } from '../../api/resources/table.ts'
import { collect } from '../collect.ts'
import { type DiscoveredType, formatName } from '../discovery.ts'
import { readManifests } from '../manifests.ts'
import { createMergePatch } from '../merge-patch.ts'
import { type Placed, place } from '../placement.ts'
import { inSession, type Session } from '../session.ts'

interface ApplyOptions {
  filename: string[]
  recursive?: boolean
  dryRun?: string
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
const attempts = 5

/** Adds the verb. */
export function addApply(program: Command): void {
  program
    .command('apply')
    .description('make objects as their manifests say: apply -f web.yaml')
    .requiredOption('-f, --filename <file>', 'a file, a folder, or - for standard input', collect)
    .option('-R, --recursive', 'also the folders in folders')
    .option('--dry-run <kind>', '"server": say what would happen, change nothing')
    .action(
      inSession(async (session: Session, options: ApplyOptions) => {
        if (options.dryRun !== undefined && options.dryRun !== 'server' && options.dryRun !== 'none') {
          throw new Error(`--dry-run is "server" or "none", not "${options.dryRun}"`)
        }
        for (const manifest of readManifests(options.filename, options)) {
          const placed = await place(session, manifest)
          const isDry = options.dryRun === 'server'
          const result = await apply(session, placed, isDry)
          const tail = isDry ? ' (server dry run)' : ''
          process.stdout.write(`${formatName(placed.type, placed.name.name)} ${result}${tail}\n`)
        }
      }),
    )
}

/** Creates or changes one object. A change by somebody else in between is read and merged again. */
async function apply(
  session: Session,
  placed: Placed,
  dryRun = false,
): Promise<'created' | 'configured' | 'unchanged'> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOnce(session, placed, dryRun)
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw error
    }
  }
}

async function applyOnce({ client }: Session, { type, name, object }: Placed, dryRun: boolean) {
  const options = { dryRun, fieldManager: 'fairlead-apply', fieldValidation: 'Strict' as const }
  const current = await client.get<ApiObject>(type, name).catch((error: unknown) => {
    if (isNotFound(error)) return undefined
    throw error
  })
  const modified = withLastApplied(object)
  if (current === undefined) {
    await client.create(type, modified, options)
    return 'created'
  }
  const { patch, patchType } = planPatch(type, current, object, modified)
  if (Object.keys(patch).length === 0) return 'unchanged'
  const patched = await client.patch(type, name, patchType, patch, options)
  return patched.metadata.resourceVersion === current.metadata.resourceVersion ? 'unchanged' : 'configured'
}

/** The object with its own text in the annotation. */
function withLastApplied(object: ApiObject): ApiObject {
  const { [lastApplied]: _, ...annotations } = object.metadata?.annotations ?? {}
  const bare = { ...object, metadata: { ...object.metadata, annotations } }
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...annotations, [lastApplied]: `${JSON.stringify(bare)}\n` } },
  }
}

/** Kinds that the resource table knows are merged by their schema, others as plain JSON. */
function planPatch(
  type: DiscoveredType,
  current: Stored<ApiObject>,
  object: ApiObject,
  modified = withLastApplied(object),
) {
  const original: unknown = JSON.parse(current.metadata.annotations?.[lastApplied] ?? '{}')
  const known = resources.find(({ group, kind }) => group === type.group && kind === type.kind)
  return known === undefined
    ? { patchType: 'application/merge-patch+json' as const, patch: createMergePatch(original, modified, current) }
    : {
        patchType: 'application/strategic-merge-patch+json' as const,
        patch: createThreeWayPatch(original, modified, current, known.definition),
      }
}
