// Reads Docker's figures of a container. Pure.

/** The part of a stats answer that is read; a container that does not run has zeros or nothing. */
export interface DockerStats {
  cpu_stats: { cpu_usage: { total_usage?: number } }
  memory_stats: { usage?: number; stats?: { total_inactive_file?: number; inactive_file?: number } }
}

/** Working set as Kubernetes counts it: usage without file pages that could go at once. cgroup v1 says total_inactive_file. */
export function toStats({ cpu_stats, memory_stats: { usage = 0, stats = {} } }: DockerStats) {
  const inactive = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return { cpuNanoseconds: cpu_stats.cpu_usage.total_usage ?? 0, workingSetBytes: Math.max(0, usage - inactive) }
}
