// GET /stats/summary: what containers use, in the form of Kubernetes' Summary API, as far as the runtime tells it.

import type { Container, Runtime } from '../runtime/runtime.ts'

/** Figures of all running containers, by pod. One that ends meanwhile is left out. */
export async function makeSummary(runtime: Runtime, nodeName: string, now: Date): Promise<object> {
  const running = (await runtime.listContainers()).filter(({ state }) => state === 'running')
  const measured = await Promise.allSettled(running.map((container) => measure(runtime, container, now)))
  const figures = measured.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const byPod = Map.groupBy(figures, ({ container }) => container.pod.uid)
  const pods = [...byPod.values()].map((group) => ({
    podRef: group[0]?.container.pod,
    containers: group.map(({ summary }) => summary),
  }))
  return { node: { nodeName }, pods }
}

async function measure(runtime: Runtime, container: Container, now: Date) {
  const { cpuNanoseconds, workingSetBytes } = await runtime.stats(container.id)
  const summary = {
    name: container.name,
    startTime: new Date(container.startedAtMs).toISOString(),
    cpu: { time: now.toISOString(), usageCoreNanoSeconds: cpuNanoseconds },
    memory: { time: now.toISOString(), workingSetBytes },
  }
  return { container, summary }
}
