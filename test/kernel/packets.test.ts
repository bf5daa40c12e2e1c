// The packet suite in the modes that this kernel runs. The modes differ in their rules, the networks in the way between
// nodes: the tunnel is joined with one mode alone, and `scripts/test packets` runs all of them with both.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CaseResult, PacketSuite, runTable } from '../packets/run.ts'
import { runScenarios } from '../packets/scenarios.ts'

const program = join(import.meta.dirname, '../packets/main.ts')
const runMs = 180_000

const failed = (results: CaseResult[]) => results.filter(({ complaints }) => complaints.length > 0)

describe.each([
  ['iptables', 'host-gw'],
  ['nftables', 'vxlan'],
  ['userspace', 'host-gw'],
] as const)('mode %s, network %s', (mode, network) => {
  let suite: PacketSuite

  beforeAll(async () => {
    suite = await PacketSuite.start({ mode, network, program, timeoutSeconds: 1.5 })
  })

  afterAll(() => suite?.close())

  test('every packet to a Service goes where it should', { timeout: runMs }, async () => {
    const results = await runTable(suite)
    expect(results.length).toBeGreaterThan(300)
    expect(failed(results)).toEqual([])
  })

  test('ports nobody serves, source ranges and affinity are as they should be', { timeout: runMs }, async () => {
    expect(failed(await runScenarios(suite))).toEqual([])
  })
})
