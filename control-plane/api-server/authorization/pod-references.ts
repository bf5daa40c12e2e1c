import type { Container, PodSpec, Volume } from '../../../api/generated/types.ts'
import { containersOf } from '../../../api/resources/pod-spec/defaults.ts'

/** An object of the pod's namespace that whoever runs the pod must read. */
export type PodReference = `${'secrets' | 'configmaps' | 'serviceaccounts'}/${string}`

/** All of them, each once. */
export function podReferences(spec: PodSpec): Set<PodReference> {
  const { imagePullSecrets = [], volumes = [], serviceAccountName = '' } = spec
  const references = [
    ...volumes.flatMap(inVolume),
    ...containersOf(spec).flatMap(inContainer),
    ...imagePullSecrets.flatMap(({ name }) => secret(name)),
    ...(serviceAccountName === '' ? [] : [`serviceaccounts/${serviceAccountName}` as const]),
  ]
  return new Set(references)
}

function inVolume({ secret: own, configMap: map, projected }: Volume): PodReference[] {
  const sources = projected?.sources ?? []
  return [
    ...secret(own?.secretName),
    ...configMap(map?.name),
    ...sources.flatMap((source) => [...secret(source.secret?.name), ...configMap(source.configMap?.name)]),
  ]
}

function inContainer({ env = [], envFrom = [] }: Pick<Container, 'env' | 'envFrom'>): PodReference[] {
  return [
    ...env.flatMap(({ valueFrom }) => [
      ...secret(valueFrom?.secretKeyRef?.name),
      ...configMap(valueFrom?.configMapKeyRef?.name),
    ]),
    ...envFrom.flatMap(({ secretRef, configMapRef }) => [...secret(secretRef?.name), ...configMap(configMapRef?.name)]),
  ]
}

const secret = (name: string | undefined): PodReference[] => (name ? [`secrets/${name}`] : [])
const configMap = (name: string | undefined): PodReference[] => (name ? [`configmaps/${name}`] : [])
