// Test programs for the guest: bundled on the host into one file, run there by the pinned Node, judged by their TAP.

import { createWriteStream } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import type { Guest } from './guest.ts'
import type { PartContext, PartResult } from './part.ts'

const root = join(import.meta.dirname, '../..')

export interface Program {
  /** Source file, from the root of the repository. It writes TAP 13 or 14 to stdout, as node:test does with its tap reporter. */
  entry: string
  args?: readonly string[]
  /** Sources of programs that it starts, bundled beside it by the names of bundleName. */
  programs?: readonly string[]
  /** Files that the program expects beside itself. */
  files?: readonly string[]
}

/** Runs a test program in the guest. Its failed tests are shown with all that they said, which can be followed in .cache/vm/programs. */
export async function runProgram(
  { guest, node, say }: PartContext,
  { entry, args = [], programs = [], files = [] }: Program,
): Promise<PartResult> {
  await endPrograms(guest)
  const target = await copyProgram(guest, entry)
  for (const program of programs) await copyProgram(guest, program)
  const log = createWriteStream(bundleOf(entry).replace(/mjs$/, 'tap'))
  for (const file of files) await guest.copy(join(root, file), `/opt/fairlead/${basename(file)}`)
  const { exitCode, output } = await guest.follow(
    [node, '--test-reporter=tap', target, ...args.map((arg) => `'${arg}'`)].join(' '),
    (line) => {
      log.write(`${line}\n`)
      if (isProgress.test(line)) say(line)
    },
  )
  log.end()
  // 255: ssh itself has failed, and with it the guest.
  if (exitCode === 255) throw new Error(`the guest was lost while ${entry} ran: ${output.split('\n').at(-1)}`)
  const result = readTap(output)
  // A program that ended before its plan, or with an error that no test owns, has failed too.
  const crashed = result.failed === 0 && (exitCode !== 0 || !/^1\.\.\d+/m.test(output))
  if (crashed) say(`${entry} ended with exit code ${exitCode}`)
  if (crashed || result.failed > 0) say(output)
  return crashed ? { ...result, failed: 1 } : result
}

/** The one file that a program is made into. */
function bundleName(entry: string): string {
  return `${entry.replaceAll('/', '-').replace(/\.ts$/, '')}.mjs`
}

/** Where the host has it; what it says lies beside it. */
const bundleOf = (entry: string) => join(root, '.cache/vm/programs', bundleName(entry))

/** Results, and what tests measured; not what node:test counts. */
const isProgress = /^(?:ok |not ok |# (?!Subtest|\w+ [\d.]+$))/

/** Ends what a killed run left running in a guest that was kept. */
async function endPrograms(guest: Guest): Promise<void> {
  await guest.run("pkill -KILL -f '^(/opt/fairlead/node|python3 /opt/fairlead/)' || true")
}

/** Bundles a program and writes it into the guest; returns its path there. */
async function copyProgram(guest: Guest, entry: string): Promise<string> {
  const outfile = bundleOf(entry)
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    // Packages written for CommonJS expect require.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    keepNames: true,
    logLevel: 'warning',
  })
  const target = `/opt/fairlead/${basename(outfile)}`
  await guest.copy(outfile, target)
  return target
}

/** Counts the outermost tests of a TAP text. */
function readTap(text: string): PartResult {
  const lines = text.split('\n').filter((line) => /^(not )?ok\b/.test(line))
  const isSkipped = (line: string) => /# (SKIP|TODO)\b/i.test(line)
  return {
    passed: lines.filter((line) => line.startsWith('ok') && !isSkipped(line)).length,
    failed: lines.filter((line) => line.startsWith('not ok') && !isSkipped(line)).length,
    skipped: lines.filter(isSkipped).length,
  }
}
