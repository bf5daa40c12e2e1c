// Rules for a pod spec, of a pod or of a template; the themes have files of their own beside this one.

import type { PodSpec, PodTemplateSpec } from '../../generated/types.ts'
import { invalidIf, invalidValue, notSupported, required, tooMany } from '../../objects/field-errors.ts'
import { whyNotDnsLabel, whyNotDnsSubdomain } from '../../objects/names.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { validateAnnotations, validateLabels } from '../metadata-rules.ts'
import { mustBeAddress, mustBeBetween, mustBeOneOf, mustNotBeNegative } from '../rules.ts'
import { validateContainers } from './containers.ts'
import { validateScheduling } from './scheduling.ts'
import { validatePodSecurity } from './security.ts'
import { validateVolumes } from './volumes.ts'

const largestInt32 = 2 ** 31 - 1
const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']

/** All that is wrong with a pod spec. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): FieldError[] {
  if (spec === undefined) return [required(path)]
  return [
    ...validateVolumes(spec, `${path}.volumes`),
    ...validateContainers(spec, path),
    ...mustBeOneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'Never', 'OnFailure']),
    ...validateDns(spec, path),
    ...validateNames(spec, path),
    ...validatePodSecurity(spec.securityContext, `${path}.securityContext`),
    ...validateScheduling(spec, path),
    ...mustBeBetween(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 1, largestInt32),
    ...mustNotBeNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...(spec.hostPID === true && spec.shareProcessNamespace === true
      ? [
          invalidValue(
            `${path}.shareProcessNamespace`,
            true,
            'ShareProcessNamespace and HostPID cannot both be enabled',
          ),
        ]
      : []),
    ...(spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => [
      ...mustBeAddress(`${path}.hostAliases[${index}].ip`, ip ?? ''),
      ...hostnames.flatMap((name, place) =>
        invalidIf(`${path}.hostAliases[${index}].hostnames[${place}]`, name, whyNotDnsSubdomain(name)),
      ),
    ]),
  ]
}

/** Rules for the pod template of something that keeps pods running. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string): FieldError[] {
  if (template === undefined) return [required(path)]
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {}
  return [
    ...validateLabels(template.metadata?.labels, `${path}.metadata.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${path}.metadata.annotations`),
    ...validatePodSpec(template.spec, `${path}.spec`),
    ...(restartPolicy !== undefined && ['Never', 'OnFailure'].includes(restartPolicy)
      ? [notSupported(`${path}.spec.restartPolicy`, restartPolicy, ['Always'])]
      : []),
    ...(activeDeadlineSeconds === undefined
      ? []
      : [invalidValue(`${path}.spec.activeDeadlineSeconds`, activeDeadlineSeconds, 'must not be specified')]),
  ]
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldError[] {
  const servers = dnsConfig?.nameservers ?? []
  const field = `${path}.dnsConfig.nameservers`
  return [
    ...mustBeOneOf(`${path}.dnsPolicy`, dnsPolicy, dnsPolicies),
    ...(dnsPolicy === 'None' && servers.length === 0
      ? [required(field, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
      : []),
    ...(servers.length > 3 ? [tooMany(field, servers.length, 3)] : []),
    ...servers.flatMap((server, index) => mustBeAddress(`${field}[${index}]`, server)),
  ]
}

function validateNames(spec: PodSpec, path: string): FieldError[] {
  const { nodeName, serviceAccountName, hostname, subdomain } = spec
  return [
    ...(nodeName ? invalidIf(`${path}.nodeName`, nodeName, whyNotDnsSubdomain(nodeName)) : []),
    ...(serviceAccountName
      ? invalidIf(`${path}.serviceAccountName`, serviceAccountName, whyNotDnsSubdomain(serviceAccountName))
      : []),
    ...(hostname ? invalidIf(`${path}.hostname`, hostname, whyNotDnsLabel(hostname)) : []),
    ...(subdomain ? invalidIf(`${path}.subdomain`, subdomain, whyNotDnsLabel(subdomain)) : []),
  ]
}
