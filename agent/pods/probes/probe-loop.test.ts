import { expect, test } from 'vitest'
import type { Probe } from '../../../api/generated/types.ts'
import { type ProbeKind, runProbeLoop } from './probe-loop.ts'

const quick: Probe = { periodSeconds: 0.001 }

/** Verdicts that come of these answers, one after the other; then the loop is stopped. */
async function verdicts(kind: ProbeKind, probe: Probe, answers: boolean[], initial = kind === 'liveness') {
  const stop = new AbortController()
  const told: boolean[] = []
  const rest = [...answers]
  const run = async () => {
    const ok = rest.shift()
    if (ok === undefined) stop.abort()
    return { ok: ok ?? true, output: '' }
  }
  const onVerdict = (success: boolean) => void told.push(success)
  const options = {
    kind,
    probe: { ...quick, ...probe },
    startedAtMs: 0,
    initial,
    run,
    onVerdict,
    onFailure() {},
    now: Date.now,
  }
  await runProbeLoop(options, stop.signal)
  return { told, left: rest.length }
}

test('liveness fails at the third failure in a row, and is not asked again', async () => {
  expect(await verdicts('liveness', {}, [false, false, true, false, false, false, true])).toEqual({
    told: [false],
    left: 1,
  })
})

test('readiness comes with the first success and goes with the third failure', async () => {
  const { told } = await verdicts('readiness', {}, [false, true, false, false, true, false, false, false, true])
  expect(told).toEqual([true, false, true])
})

test('readiness can want several successes and leave with one failure', async () => {
  const { told } = await verdicts('readiness', { successThreshold: 2, failureThreshold: 1 }, [
    true,
    false,
    true,
    true,
    false,
  ])
  expect(told.filter((verdict, index) => verdict !== told[index - 1])).toEqual([false, true, false])
})

test('startup ends with its first success', async () => {
  expect(await verdicts('startup', {}, [false, true, false])).toEqual({ told: [true], left: 1 })
})

test('startup gives the container up when it has failed too often', async () => {
  expect(await verdicts('startup', { failureThreshold: 2 }, [false, false, true])).toEqual({ told: [false], left: 1 })
})
