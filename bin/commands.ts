// Which program of the one file runs: by the name that the file is called by, else by its first word.

/** A program inside the file, by the name of its bundle. */
export type ProgramName = 'control-plane' | 'agent' | 'cbr' | 'dns' | 'host' | 'images' | 'fairlead'

/** What to do. `words` are the program's own arguments; `title` is what its help calls it. */
export type Choice =
  | { act: 'start'; program: ProgramName; title: string; words: string[] }
  | { act: 'version' }
  | { act: 'script'; source: string; words: string[] }

interface Command {
  program: ProgramName
  /** Words that stand before those of the caller. */
  first?: string[]
  /** One line for the list of commands; none for what users do not call. */
  help: string
}

const onHost = (help: string): Command => ({ program: 'host', help })

/** First words with a program of their own. Any other first word is the command line's. */
const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['check', onHost('what this host lacks, and how to mend it')],
  ['init', onHost('make this host a control plane, and a node beside it')],
  ['join', onHost('make this host a node of a cluster')],
  ['token', onHost('who may join, and until when')],
  ['upgrade', onHost('this host goes over to the file that is called')],
  ['reset', onHost('take everything of Fairlead off this host')],
  ['images', { program: 'images', help: 'the images that every host needs, made from this file' }],
  ['server', { program: 'control-plane', first: ['server'], help: 'run the control plane' }],
  ['issue-node', { program: 'control-plane', first: ['issue-node'], help: "write an agent's credentials by hand" }],
  ['agent', { program: 'agent', help: "run this node's pods" }],
  ['cni', { program: 'cbr', help: 'the CNI plugin, as the file is when it is called cbr' }],
  ['dns', { program: 'dns', help: "run the cluster's DNS server" }],
])

/** Names that the file may be called by, by a link, to be one program and nothing else. */
const calledAs: ReadonlyMap<string, ProgramName> = new Map([['cbr', 'cbr']])

/** Chooses. `name` is the last part of argv[0], `words` what follows it. Pure. */
export function choose(name: string, words: readonly string[]): Choice {
  const called = calledAs.get(name)
  if (called !== undefined) return { act: 'start', program: called, title: name, words: [...words] }
  const [first = '', ...rest] = words
  if (['version', '--version', '-V'].includes(first)) return { act: 'version' }
  // As Node has it: programs start themselves in another namespace by process.execPath and a script.
  if (first === '-e') return { act: 'script', source: rest[0] ?? '', words: rest.slice(1) }
  const command = commands.get(first)
  if (command === undefined) return { act: 'start', program: 'fairlead', title: 'fairlead', words: [...words] }
  // The host's commands share one program, which reads the first word itself.
  const before = command.program === 'host' ? [first] : (command.first ?? [])
  return { act: 'start', program: command.program, title: `fairlead ${first}`, words: [...before, ...rest] }
}

/** Whether these words ask for the list of all commands. */
export function asksForHelp(words: readonly string[]): boolean {
  return words.length === 0 || (words.length === 1 && ['help', '--help', '-h'].includes(words[0] ?? ''))
}

/** What the command line's own help does not list. */
export const helpText = `
On a host:
${[...commands].map(([name, { help }]) => `  ${name.padEnd(12)} ${help}`).join('\n')}
  ${'version'.padEnd(12)} what this file is

Each of them has a --help.
`
