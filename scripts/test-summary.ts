// Prints the closing line of scripts/test from vitest's JSON reports. Usage: test-summary.ts STAGE_FAILED [REPORT...]
// Exits with 1 when a test or a stage failed, when no test ran in a stage, or when one left no report.

import { existsSync, readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
}

const nothing: Report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0 }
const [stageFailed, ...files] = process.argv.slice(2)
const reports = files.map((file): Report => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : nothing))
const sum = (field: keyof Report) => reports.reduce((total, report) => total + report[field], 0)
// A stage that failed without a failed test (a check, a crash) still counts as a failure.
const isBroken = stageFailed !== '0' || reports.some((report) => report.numPassedTests === 0)
const failed = Math.max(sum('numFailedTests'), isBroken ? 1 : 0)
console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`)
process.exitCode = failed > 0 ? 1 : 0
