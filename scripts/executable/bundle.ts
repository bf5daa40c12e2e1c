// Bundles for the executable: functions of CommonJS, which V8 can keep a code cache of and which start without a loader of modules.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { bundleOptions, entries, root } from '../programs.ts'

/** Programs that only the executable has. A folder that is not there yet is left out. */
const more = { host: 'host/main.ts', images: 'bin/images/main.ts' }
const all: Record<string, string> = { ...entries, ...more }

/** The text of every program, by name: an expression that is a function of CommonJS's five names. */
export async function bundlePrograms(): Promise<Map<string, string>> {
  const present = Object.keys(all).filter((name) => existsSync(join(root, all[name] ?? '')))
  const bundled = await Promise.all(present.map(async (name) => [name, wrap(await bundleProgram(name))] as const))
  return new Map(bundled)
}

/** The entry, which Node itself compiles. `define` is put in for names that only the build knows. */
export async function bundleEntry(define: Record<string, string>): Promise<string> {
  return await bundle({ ...bundleOptions('main'), entryPoints: [join(root, 'bin/main.ts')], define })
}

async function bundleProgram(name: string): Promise<string> {
  const options = bundleOptions(name)
  const entry = join(root, all[name] ?? '')
  return await bundle({
    ...options,
    ...(name === 'host' ? { stdin: callHost } : { entryPoints: [entry] }),
    external: [...(options.external ?? []), 'msgpackr-extract'],
    define: { 'import.meta.url': '__moduleUrl', 'import.meta.dirname': '__dirname', 'import.meta.main': 'false' },
    banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [wrapBody(name === 'host' ? '<stdin>' : entry)],
  })
}

const callHost = {
  contents: "import { runHostCommand } from './host/main.ts'\nvoid runHostCommand(process.argv.slice(2))",
  resolveDir: root,
  loader: 'ts',
} as const

async function bundle(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...options, format: 'cjs', write: false, legalComments: 'none' })
  const text = outputFiles?.[0]?.text ?? ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: every character but ASCII's
  const stray = /[^\u0000-\u007f]/.exec(text)
  if (stray !== null)
    throw new Error(`a bundle has a character that is not ASCII: ${text.slice(stray.index, stray.index + 40)}`)
  return text
}

/** CommonJS knows no await outside functions, which entries use: what follows their imports becomes the body of one. */
function wrapBody(entry: string): Plugin {
  return {
    name: 'wrap-body',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\/main\.ts$/ }, ({ path }) => {
        if (path !== entry) return undefined
        const lines = readFileSync(path, 'utf8').split('\n')
        const end = lines.findLastIndex((line) => /^(import|\}) .*from '.*'$/.test(line)) + 1
        const contents = [...lines.slice(0, end), 'void (async () => {', ...lines.slice(end), '})()'].join('\n')
        return { contents, loader: 'ts', resolveDir: dirname(path) }
      })
    },
  }
}

const wrap = (text: string): string => `(function (exports, require, module, __filename, __dirname) {${text}\n})`
