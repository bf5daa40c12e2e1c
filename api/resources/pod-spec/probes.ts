import type { Container, LifecycleHandler, Probe } from '../../generated/types.ts'
import { forbiddenField, invalidIf, invalidValue, required } from '../../objects/field-errors.ts'
import { whyNotPortName } from '../../objects/names.ts'
import type { FieldError } from '../../objects/status-error.ts'
import { mustBeOneOf, mustBePort, mustBePositive, mustBeSet, mustNotBeNegative } from '../rules.ts'

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

/** Rules for the three probes of a container. */
export function validateProbes(container: Container, path: string): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe } = container
  return [
    ...validateProbe(livenessProbe, `${path}.livenessProbe`),
    ...validateProbe(readinessProbe, `${path}.readinessProbe`),
    ...validateProbe(startupProbe, `${path}.startupProbe`),
    ...mustSucceedOnce(livenessProbe, `${path}.livenessProbe`),
    ...mustSucceedOnce(startupProbe, `${path}.startupProbe`),
    ...(readinessProbe?.terminationGracePeriodSeconds === undefined
      ? []
      : [
          forbiddenField(`${path}.readinessProbe.terminationGracePeriodSeconds`, 'must not be set for readinessProbes'),
        ]),
  ]
}

/** Rules for postStart and preStop. */
export function validateLifecycle(lifecycle: Container['lifecycle'], path: string): FieldError[] {
  const { postStart, preStop } = lifecycle ?? {}
  return [
    ...(postStart === undefined ? [] : validateHandler(postStart, `${path}.postStart`)),
    ...(preStop === undefined ? [] : validateHandler(preStop, `${path}.preStop`)),
  ]
}

function validateProbe(probe: Probe | undefined, path: string): FieldError[] {
  if (probe === undefined) return []
  const counts = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const
  return [
    ...validateHandler(probe, path),
    ...counts.flatMap((name) => mustNotBeNegative(`${path}.${name}`, probe[name])),
    ...mustBePositive(`${path}.terminationGracePeriodSeconds`, probe.terminationGracePeriodSeconds),
  ]
}

function mustSucceedOnce(probe: Probe | undefined, path: string): FieldError[] {
  const { successThreshold = 1 } = probe ?? {}
  return successThreshold === 1 ? [] : [invalidValue(`${path}.successThreshold`, successThreshold, 'must be 1')]
}

function validateHandler({ exec, httpGet, tcpSocket, grpc, sleep }: Handler, path: string): FieldError[] {
  const given = [exec, httpGet, tcpSocket, grpc, sleep].filter((handler) => handler !== undefined)
  if (given.length === 0) return [required(path, 'must specify a handler type')]
  if (given.length > 1) return [forbiddenField(path, 'may not specify more than 1 handler type')]
  return [
    ...(exec !== undefined && (exec.command ?? []).length === 0 ? [required(`${path}.exec.command`)] : []),
    ...(httpGet === undefined ? [] : validateHttp(httpGet, `${path}.httpGet`)),
    ...(tcpSocket === undefined ? [] : validateTargetPort(tcpSocket.port, `${path}.tcpSocket.port`)),
    ...(grpc === undefined ? [] : mustBePort(`${path}.grpc.port`, grpc.port ?? 0)),
    ...mustNotBeNegative(`${path}.sleep.seconds`, sleep?.seconds),
  ]
}

function validateHttp(httpGet: NonNullable<Probe['httpGet']>, path: string): FieldError[] {
  return [
    ...mustBeSet(`${path}.path`, httpGet.path),
    ...validateTargetPort(httpGet.port, `${path}.port`),
    ...mustBeOneOf(`${path}.scheme`, httpGet.scheme, ['HTTP', 'HTTPS']),
    ...(httpGet.httpHeaders ?? []).flatMap(({ name }, index) => mustBeSet(`${path}.httpHeaders[${index}].name`, name)),
  ]
}

/** A port number, or the name of a port. */
export function validateTargetPort(port: number | string | undefined, field: string): FieldError[] {
  return typeof port === 'string' ? invalidIf(field, port, whyNotPortName(port)) : mustBePort(field, port ?? 0)
}
