// Fails when a file imports against the grain (ARCHITECTURE.md: imports run one way). The reason is in the message.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

interface Rule {
  /** Files this rule is about: a path prefix. The longest that fits counts. */
  from: string
  /** Prefixes they may import, beside their own folder. */
  may: string[]
  why: string
}

const rules: Rule[] = [
  { from: 'api/', may: [], why: 'api is a leaf: everybody speaks it, it knows nobody' },
  { from: 'cni/linux/', may: [], why: 'cni/linux is a leaf: the only doors to ip, iptables, conntrack and netns' },
  { from: 'cni/', may: ['cni/'], why: 'the plugin stands alone, so that any CNI runtime can start it fast' },
  { from: 'control-plane/store/', may: ['api/'], why: 'the store knows keys and revisions, nothing of its users' },
  { from: 'control-plane/pki/', may: ['api/'], why: 'certificates are made for others, not with them' },
  {
    from: 'control-plane/api-server/',
    may: ['api/', 'control-plane/store/', 'control-plane/pki/'],
    why: 'the API server is the only door to the store',
  },
  {
    from: 'control-plane/scheduler/',
    may: ['api/'],
    why: 'the scheduler reaches the cluster through api/client, in or out of process',
  },
  {
    from: 'control-plane/controllers/',
    may: ['api/'],
    why: 'controllers reach the cluster through api/client, and each other through objects',
  },
  { from: 'control-plane/', may: ['api/', 'control-plane/'], why: 'control plane and agent share api alone' },
  { from: 'agent/runtime/', may: ['api/'], why: 'the user owns the interface; Docker is a detail behind it' },
  {
    from: 'agent/docker/',
    may: ['api/', 'agent/runtime/', 'cni/linux/processes.ts'],
    why: 'the only code that speaks to Docker implements Runtime and nothing else',
  },
  {
    from: 'agent/network/',
    may: ['api/', 'cni/', 'agent/runtime/'],
    why: 'the pod network knows attachments and routes, not pods workers',
  },
  {
    from: 'agent/announcer/',
    may: ['api/', 'cni/linux/'],
    why: 'the announcer knows Services, Nodes and the link',
  },
  {
    from: 'agent/proxy/',
    may: ['api/', 'cni/linux/'],
    why: 'the proxy knows Services and the kernel, nothing of pods workers',
  },
  {
    from: 'agent/policy/',
    may: ['api/', 'cni/linux/'],
    why: 'policies know objects and the kernel, nothing of pods workers',
  },
  {
    from: 'agent/pods/',
    may: [
      'api/',
      'agent/runtime/',
      'agent/network/',
      'agent/volumes/',
      'cni/linux/systemd.ts',
      'cni/linux/system-error.ts',
    ],
    why: 'pods are run through interfaces; Docker and the kernel are behind them',
  },
  { from: 'agent/credentials/', may: ['api/'], why: 'certificates are asked of the API server and written to files' },
  { from: 'agent/volumes/', may: ['api/', 'cni/linux/'], why: 'volumes are files and mounts' },
  { from: 'agent/', may: ['api/', 'cni/', 'agent/'], why: 'control plane and agent share api alone' },
  {
    from: 'host/',
    may: [
      'api/',
      'cni/linux/',
      'images/',
      'agent/docker/',
      'agent/network/',
      'agent/proxy/modes.ts',
      'agent/proxy/traces.ts',
      'agent/volumes/mount-points.ts',
      'agent/remove.ts',
    ],
    why: 'host commands prepare what the programs need, and remove what they left; they run none of their loops',
  },
  {
    from: 'bin/',
    may: ['images/', 'agent/docker/'],
    why: 'the entry starts programs by their bundles, and imports none',
  },
  { from: 'cli/', may: ['api/', 'cni/linux/'], why: 'the CLI is a client like any other' },
  {
    from: 'lab/',
    may: ['api/', 'cni/linux/', 'host/progress.ts'],
    why: 'the lab starts the programs and speaks to them as any client does',
  },
  { from: 'addons/', may: ['api/', 'cni/linux/'], why: 'add-ons are clients like any other' },
  {
    from: 'vagrant/',
    may: ['cni/linux/', 'host/progress.ts'],
    why: 'the box is made of Debian packages and knows nothing of the cluster',
  },
]

const root = join(import.meta.dirname, '..')
const complaints = globSync('{api,bin,control-plane,agent,cni,cli,host,lab,addons,vagrant}/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('api/generated/'))
  .flatMap(checkFile)
for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exit(1)

function checkFile(file: string): string[] {
  const rule = rules.filter(({ from }) => file.startsWith(from)).sort((a, b) => b.from.length - a.from.length)[0]
  if (rule === undefined) return []
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/(?:from|import\(?)\s*'(\.{1,2}\/[^']+)'/g)].flatMap(([, specifier = '']) => {
    const target = relative(root, join(root, dirname(file), specifier))
    const isEntry = /(^|\/)main\.ts$/.test(target)
    const allowed = [rule.from, ...rule.may].some((prefix) => target.startsWith(prefix))
    if (isEntry) return [`${file} imports ${target}: nobody imports a main.ts, they only wire`]
    return allowed ? [] : [`${file} imports ${target}: ${rule.why}`]
  })
}
