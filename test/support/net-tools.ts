// The network tools on the lab: what they say of a network that is whole, broken, and mended.

import { expect } from 'vitest'
import type { VerifyAnswer } from '../../api/net/requests.ts'
import type { End, Trace } from '../../api/net/trace.ts'
import type { NodeLayout } from '../../lab/layout.ts'
import { fairlead, onNode } from './lab.ts'

/** A way to break one node's network. Ends are as `net trace` takes them; pods and Services are in the test's namespace. */
export interface Breakage {
  name: string
  node: NodeLayout
  /** For the shell, in the node's network namespace. Made late, as it may name addresses that the cluster gave. */
  command: () => string
  /** Pod a when absent. */
  from?: string
  to: string
  /** What a trace must say. */
  cause: string
  /** What verify must name. */
  names: RegExp
  /** Nobody answers there, also when all is well. */
  isNowhere?: boolean
}

/** A trace with a real packet. */
export async function trace(
  namespace: string,
  from: string,
  to: string,
  ...more: string[]
): Promise<{ trace: Trace; exitCode: number }> {
  const args = ['net', 'trace', from, to, '-n', namespace, '-o', 'json', ...more]
  const { stdout, stderr, exitCode } = await fairlead(args)
  if (stdout === '') throw new Error(stderr)
  return { trace: JSON.parse(stdout), exitCode }
}

/** The end that matters: where it failed, or the last. */
export function endOf({ paths }: Trace): End {
  const ends = paths.flatMap(({ forward, reply }) => [forward.end, ...(reply === undefined ? [] : [reply.end])])
  const end = ends.find(({ outcome }) => outcome === 'dropped' || outcome === 'refused') ?? ends.at(-1)
  if (end === undefined) throw new Error('no way was found')
  return end
}

/** The answer of each node. */
export async function verify(...more: string[]): Promise<VerifyAnswer[]> {
  return JSON.parse((await fairlead(['net', 'verify', '-o', 'json', ...more])).stdout)
}

/**
 * Breaks the node: a trace and its packet must show it, verify must name it on that node, and after a repair packets go
 * through again. Agents mend by themselves once a minute: run it again when one was quicker.
 */
export async function expectFoundAndMended(namespace: string, breakage: Breakage): Promise<void> {
  const { node, command, from = 'pod/a', to, cause, names, isNowhere = false } = breakage
  await verify('--repair')
  expect(await onNode(node, 'sh', '-c', command())).toMatchObject({ exitCode: 0, stderr: '' })
  const broken = await trace(namespace, from, to)
  const warning = broken.trace.paths[0]?.warnings[0]?.cause
  expect(warning ?? endOf(broken.trace).cause).toBe(cause)
  expect(broken.trace.proof).toMatchObject({ agrees: true })
  const found = (await verify()).find((answer) => answer.node === node.name)
  expect(found?.differences.map(({ name, detail = '' }) => `${name} ${detail}`).join('\n')).toMatch(names)
  expect((await verify('--repair')).flatMap(({ differences, errors }) => [...differences, ...errors])).toEqual([])
  if (isNowhere) return
  expect((await trace(namespace, from, to)).trace.proof).toMatchObject({ agrees: true, outcome: 'answered' })
}
