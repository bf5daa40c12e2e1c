// Flags that are on or off, as kubectl's users write them: --wait=false, --force=true (Go's pflag). commander knows --no-wait and
// --force alone.

import type { Command, Option } from 'commander'

/** As Go reads them (strconv.ParseBool). */
const values: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false]),
])

/** The arguments with such flags in commander's words; what it would refuse is left to it. */
export function spellBooleans(program: Command, args: readonly string[]): string[] {
  const end = args.indexOf('--')
  const ours = end === -1 ? args : args.slice(0, end)
  const options: Option[] = [...program.options]
  let command = program
  const spelt = ours.flatMap((word) => {
    const next = command.commands.find((each) => each.name() === word)
    if (next !== undefined) {
      command = next
      options.push(...next.options)
    }
    return spell(word, options)
  })
  return [...spelt, ...args.slice(ours.length)]
}

/** One argument, as none or one. */
function spell(word: string, options: readonly Option[]): string[] {
  const [, name = '', , value = 'true'] = /^--([a-z-]+)(=(.*))?$/.exec(word) ?? []
  const isOn = values[value]
  if (isOn === undefined) return [word]
  const hasOn = options.some((option) => option.long === `--${name}` && option.isBoolean())
  const hasOff = options.some((option) => option.long === `--no-${name}`)
  if (!hasOn && !hasOff) return [word]
  if (isOn) return hasOn ? [`--${name}`] : []
  return hasOff ? [`--no-${name}`] : []
}
