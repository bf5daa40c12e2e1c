// Translates sandboxes and containers into Docker's words. Pure.

import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode'
import type { ContainerSpec, Sandbox, SandboxSpec } from '../runtime/runtime.ts'
import {
  containerNameLabel,
  imageLabel,
  ipcLabel,
  type Labels,
  makeLabels,
  makeName,
  networkLabel,
  pidLabel,
  sandboxIdLabel,
} from './labels.ts'

const cfsPeriodUs = 100_000
/** The last to be killed when memory is short: with it the pod's namespaces would go. */
const pauseOomScoreAdj = -998

/** The pause container. cgroupParent is in the form that the daemon's driver wants. */
export function toSandboxOptions(spec: SandboxSpec, image: string, cgroupParent?: string): ContainerCreateOptions {
  const onNode = spec.network === 'node'
  const namespaces = {
    [networkLabel]: spec.network,
    [pidLabel]: spec.hostPid ? 'node' : spec.sharePid ? 'pod' : 'private',
    [ipcLabel]: spec.hostIpc ? 'node' : 'pod',
  }
  const hostConfig: HostConfig = {
    NetworkMode: onNode ? 'host' : 'none',
    IpcMode: spec.hostIpc ? 'host' : 'shareable',
    OomScoreAdj: pauseOomScoreAdj,
    CpuShares: 2,
    ReadonlyRootfs: true,
    Sysctls: spec.sysctls,
    LogConfig: { Type: 'none', Config: {} },
    ...(spec.hostPid && { PidMode: 'host' }),
    ...(onNode && { UTSMode: 'host' }),
    ...(cgroupParent !== undefined && { CgroupParent: cgroupParent }),
  }
  return {
    name: makeName('POD', spec.pod, spec.attempt),
    Image: image,
    // Docker refuses a host name in the host's UTS namespace: there the host's own is seen.
    ...(!onNode && { Hostname: spec.hostname }),
    Labels: { ...makeLabels('podsandbox', spec.pod, spec), ...namespaces, [containerNameLabel]: 'POD' },
    HostConfig: hostConfig,
  }
}

/** An app container in the sandbox's namespaces, which its labels tell. */
export function toContainerOptions(
  sandbox: Pick<Sandbox, 'id' | 'pod'>,
  sandboxLabels: Labels,
  spec: ContainerSpec,
  cgroupParent?: string,
): ContainerCreateOptions {
  return {
    name: makeName(spec.name, sandbox.pod, spec.attempt),
    Image: spec.imageId,
    ...(spec.command !== undefined && { Entrypoint: spec.command }),
    ...(spec.args !== undefined && { Cmd: spec.args }),
    Env: spec.env.map(({ name, value }) => `${name}=${value}`),
    ...(spec.workingDir !== undefined && { WorkingDir: spec.workingDir }),
    ...(spec.security.user !== undefined && { User: spec.security.user }),
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    // Probes are the agent's; an image's own check would run beside them.
    Healthcheck: { Test: ['NONE'] },
    Labels: {
      ...makeLabels('container', sandbox.pod, spec),
      [containerNameLabel]: spec.name,
      [sandboxIdLabel]: sandbox.id,
      [imageLabel]: spec.image,
    },
    HostConfig: {
      ...toNamespaces(sandbox.id, sandboxLabels),
      ...toResources(spec),
      ...toSecurity(spec),
      Mounts: toMounts(spec),
      LogConfig: toLogConfig(spec),
      ...(cgroupParent !== undefined && { CgroupParent: cgroupParent }),
    },
  }
}

function toNamespaces(sandboxId: string, labels: Labels): HostConfig {
  const joined = `container:${sandboxId}`
  const pidModes: Record<string, string> = { node: 'host', pod: joined }
  const pidMode = pidModes[labels[pidLabel] ?? '']
  return {
    NetworkMode: joined,
    IpcMode: labels[ipcLabel] === 'node' ? 'host' : joined,
    ...(pidMode !== undefined && { PidMode: pidMode }),
    ...(labels[networkLabel] === 'node' && { UTSMode: 'host' }),
  }
}

function toResources({ resources }: ContainerSpec): HostConfig {
  const { cpuShares, cpuQuotaUs, memoryLimitBytes, oomScoreAdj } = resources
  return {
    ...(cpuShares !== undefined && { CpuShares: cpuShares }),
    ...(cpuQuotaUs !== undefined && { CpuQuota: cpuQuotaUs, CpuPeriod: cfsPeriodUs }),
    // Equal limits: no swap beside the memory.
    ...(memoryLimitBytes !== undefined && { Memory: memoryLimitBytes, MemorySwap: memoryLimitBytes }),
    ...(oomScoreAdj !== undefined && { OomScoreAdj: oomScoreAdj }),
  }
}

function toSecurity({ security }: ContainerSpec): HostConfig {
  return {
    ...(security.privileged && { Privileged: true }),
    ...(security.readOnlyRootFilesystem && { ReadonlyRootfs: true }),
    ...(security.supplementalGroups && { GroupAdd: security.supplementalGroups.map(String) }),
    ...(security.addCapabilities && { CapAdd: security.addCapabilities }),
    ...(security.dropCapabilities && { CapDrop: security.dropCapabilities }),
    ...(security.noNewPrivileges && { SecurityOpt: ['no-new-privileges'] }),
  }
}

/** Mounts rather than Binds: a path may hold a colon, and a source that is missing is an error and not a new directory. */
function toMounts({ mounts }: ContainerSpec): MountSettings[] {
  return mounts.map(({ hostPath, containerPath, readOnly, propagation = 'private' }) => ({
    Type: 'bind',
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    BindOptions: { Propagation: propagation === 'private' ? 'rprivate' : propagation },
  }))
}

function toLogConfig({ logMaxSizeBytes, logMaxFiles }: ContainerSpec) {
  const size = logMaxSizeBytes === undefined ? {} : { 'max-size': String(logMaxSizeBytes) }
  // Docker refuses a number of files without a size.
  const files = logMaxFiles === undefined || logMaxSizeBytes === undefined ? {} : { 'max-file': String(logMaxFiles) }
  return { Type: 'json-file', Config: { ...size, ...files } }
}
