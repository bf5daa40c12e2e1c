// Prints the closing line of scripts/test from vitest's JSON reports. Usage: test-summary.ts STAGE_FAILED [REPORT...]
// Exits with 1 when a test or a stage failed, or when no test ran in a stage.

import { existsSync, readFileSync } from 'node:fs'

interface Report {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
}

const [stageFailed, ...files] = process.argv.slice(2)
const reports = files.filter(existsSync).map((file): Report => JSON.parse(readFileSync(file, 'utf8')))
const sum = (field: keyof Report) => reports.reduce((total, report) => total + report[field], 0)
// A stage that failed without a failed test (a check, a crash) still counts as a failure.
const failed = Math.max(sum('numFailedTests'), stageFailed === '0' ? 0 : 1)
console.log(`${sum('numPassedTests')} passed, ${failed} failed, ${sum('numPendingTests')} skipped`)
process.exitCode = failed > 0 || reports.some((report) => report.numPassedTests === 0) ? 1 : 0
