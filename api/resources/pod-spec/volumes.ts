import type { Container, KeyToPath, PodSpec, Volume, VolumeMount, VolumeProjection } from '../../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, notFoundValue, required } from '../../objects/field-errors.ts'
import { whyNotDnsLabel } from '../../objects/names.ts'
import { parseQuantity } from '../../objects/quantity.ts'
import type { FieldError } from '../../objects/status-error.ts'
import {
  mustBeFileMode,
  mustBeLocalPath,
  mustBeOneOf,
  mustBeSet,
  mustBeUnique,
  mustBeVolumeFile,
  mustNotGoUp,
} from '../rules.ts'
import { validateFileFieldPath, validateOneOf, validateResourceField } from './env.ts'

const hostPathTypes = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
]
const minimumTokenSeconds = 600

/** Rules for the volumes of a pod. */
export function validateVolumes({ volumes = [] }: PodSpec, path: string): FieldError[] {
  return [
    ...mustBeUnique(
      volumes.map(({ name }) => name),
      (index) => `${path}[${index}].name`,
    ),
    ...volumes.flatMap((volume, index) => [
      ...(volume.name
        ? invalidIf(`${path}[${index}].name`, volume.name, whyNotDnsLabel(volume.name))
        : [required(`${path}[${index}].name`)]),
      ...validateSource(volume, `${path}[${index}]`),
    ]),
  ]
}

function validateSource(volume: Volume, path: string): FieldError[] {
  const { name: _, ...sources } = volume
  const kinds = Object.keys(sources)
  if (kinds.length === 0) return [required(path, 'must specify a volume type')]
  if (kinds.length > 1)
    return kinds.slice(1).map((kind) => forbiddenField(`${path}.${kind}`, 'may not specify more than 1 volume type'))
  const { hostPath, emptyDir, secret, configMap, downwardAPI, projected, persistentVolumeClaim } = sources
  return [
    ...(hostPath === undefined ? [] : validateHostPath(hostPath, `${path}.hostPath`)),
    ...(emptyDir === undefined ? [] : validateEmptyDir(emptyDir, `${path}.emptyDir`)),
    ...(secret === undefined
      ? []
      : [...mustBeSet(`${path}.secret.secretName`, secret.secretName), ...validateFiles(secret, `${path}.secret`)]),
    ...(configMap === undefined
      ? []
      : [...mustBeSet(`${path}.configMap.name`, configMap.name), ...validateFiles(configMap, `${path}.configMap`)]),
    ...(downwardAPI === undefined ? [] : validateDownward(downwardAPI, `${path}.downwardAPI`)),
    ...(projected?.sources ?? []).flatMap((source, index) =>
      validateProjection(source, `${path}.projected.sources[${index}]`),
    ),
    ...mustBeFileMode(`${path}.projected.defaultMode`, projected?.defaultMode),
    ...(persistentVolumeClaim === undefined
      ? []
      : mustBeSet(`${path}.persistentVolumeClaim.claimName`, persistentVolumeClaim.claimName)),
  ]
}

function validateHostPath({ path: hostPath, type }: NonNullable<Volume['hostPath']>, path: string): FieldError[] {
  if (!hostPath) return [required(`${path}.path`)]
  return [...mustNotGoUp(`${path}.path`, hostPath), ...mustBeOneOf(`${path}.type`, type, hostPathTypes)]
}

function validateEmptyDir({ medium, sizeLimit }: NonNullable<Volume['emptyDir']>, path: string): FieldError[] {
  const isBad = sizeLimit !== undefined && parseQuantity(sizeLimit).nanos < 0n
  return [
    ...mustBeOneOf(`${path}.medium`, medium, ['', 'Memory', 'HugePages']),
    ...(isBad
      ? [invalidValue(`${path}.sizeLimit`, sizeLimit, 'SizeLimit field must be a valid resource quantity')]
      : []),
  ]
}

function validateFiles(
  { items, defaultMode }: { items?: KeyToPath[]; defaultMode?: number },
  path: string,
): FieldError[] {
  return [
    ...mustBeFileMode(`${path}.defaultMode`, defaultMode),
    ...(items ?? []).flatMap(({ key, path: file, mode }, index) => {
      const at = `${path}.items[${index}]`
      return [
        ...mustBeSet(`${at}.key`, key),
        ...mustBeSet(`${at}.path`, file),
        ...mustBeVolumeFile(`${at}.path`, file),
        ...mustBeFileMode(`${at}.mode`, mode),
      ]
    }),
  ]
}

function validateDownward({ items, defaultMode }: NonNullable<Volume['downwardAPI']>, path: string): FieldError[] {
  return [
    ...mustBeFileMode(`${path}.defaultMode`, defaultMode),
    ...(items ?? []).flatMap(({ path: file, fieldRef, resourceFieldRef, mode }, index) => {
      const at = `${path}.items[${index}]`
      return [
        ...mustBeSet(`${at}.path`, file),
        ...mustBeVolumeFile(`${at}.path`, file),
        ...mustBeFileMode(`${at}.mode`, mode),
        ...validateOneOf({ fieldRef, resourceFieldRef }, at),
        ...(fieldRef === undefined ? [] : validateFileFieldPath(fieldRef.fieldPath, `${at}.fieldRef.fieldPath`)),
        ...(resourceFieldRef === undefined
          ? []
          : validateResourceField(resourceFieldRef.resource, `${at}.resourceFieldRef`)),
      ]
    }),
  ]
}

function validateProjection(source: VolumeProjection, path: string): FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source
  const seconds = serviceAccountToken?.expirationSeconds ?? minimumTokenSeconds
  return [
    ...validateOneOf({ secret, configMap, downwardAPI, clusterTrustBundle, podCertificate, serviceAccountToken }, path),
    ...(secret === undefined
      ? []
      : [...mustBeSet(`${path}.secret.name`, secret.name), ...validateFiles(secret, `${path}.secret`)]),
    ...(configMap === undefined
      ? []
      : [...mustBeSet(`${path}.configMap.name`, configMap.name), ...validateFiles(configMap, `${path}.configMap`)]),
    ...(downwardAPI === undefined ? [] : validateDownward(downwardAPI, `${path}.downwardAPI`)),
    ...(serviceAccountToken === undefined
      ? []
      : [
          ...mustBeSet(`${path}.serviceAccountToken.path`, serviceAccountToken.path),
          ...mustBeVolumeFile(`${path}.serviceAccountToken.path`, serviceAccountToken.path),
        ]),
    ...(seconds < minimumTokenSeconds
      ? [
          invalidValue(
            `${path}.serviceAccountToken.expirationSeconds`,
            seconds,
            'may not specify a duration less than 10 minutes',
          ),
        ]
      : []),
  ]
}

/** Rules for the mounts of a container: each names a volume of the pod and a place of its own. */
export function validateMounts(
  { volumeMounts }: Container,
  volumeNames: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const mounts = volumeMounts ?? []
  const seen = new Set<string>()
  return mounts.flatMap((mount, index) => {
    const at = `${path}.volumeMounts[${index}]`
    const isTwice = seen.has(mount.mountPath)
    seen.add(mount.mountPath)
    return [
      ...validateMount(mount, volumeNames, at),
      ...(isTwice ? [invalidValue(`${at}.mountPath`, mount.mountPath, 'must be unique')] : []),
    ]
  })
}

function validateMount(mount: VolumeMount, volumeNames: ReadonlySet<string>, path: string): FieldError[] {
  const { name, mountPath, subPath, subPathExpr, mountPropagation } = mount
  return [
    ...(name ? (volumeNames.has(name) ? [] : [notFoundValue(`${path}.name`, name)]) : [required(`${path}.name`)]),
    ...mustBeSet(`${path}.mountPath`, mountPath),
    ...mustBeLocalPath(`${path}.subPath`, subPath),
    ...mustBeLocalPath(`${path}.subPathExpr`, subPathExpr),
    ...(subPath && subPathExpr
      ? [invalidValue(`${path}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive')]
      : []),
    ...mustBeOneOf(`${path}.mountPropagation`, mountPropagation, ['Bidirectional', 'HostToContainer', 'None']),
  ]
}
