// A lab of its own comes and goes: `down` leaves the machine as it was, also after the lab was killed half-way.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { killProcesses } from '../../lab/cgroup.ts'
import { planLab } from '../../lab/layout.ts'

const name = 'brief'
const env = { FAIRLEAD_LAB: name }
const lab = (...args: string[]) => execa(process.execPath, ['lab/main.ts', ...args], { env })
let before: Traces

beforeAll(async () => {
  await lab('down')
  before = await traces()
})

afterAll(() => lab('down'))

/** Everything of this machine that a lab could leave behind. */
interface Traces {
  namespaces: string
  links: string[]
  mounts: string[]
  rules: string
  processes: number
  directories: boolean[]
  cgroups: string[]
}

async function traces(): Promise<Traces> {
  const { dataDir, runDir, cgroup } = planLab(name, '0.0.0', 0)
  const links: { ifname: string }[] = JSON.parse((await execa('ip', ['-json', 'link'])).stdout)
  const withoutCounters = (await execa('iptables-save')).stdout.replace(/^[#:].*$/gm, '')
  return {
    namespaces: (await execa('ip', ['netns', 'list'])).stdout
      .split('\n')
      .map((line) => line.split(' ')[0])
      .sort()
      .join(' '),
    links: links.map(({ ifname }) => ifname).sort(),
    mounts: readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes('fairlead-brief')),
    rules: withoutCounters,
    processes: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes('fairlead-brief'))
      .length,
    directories: [dataDir, runDir].map((directory) => existsSync(directory)),
    cgroups: readdirSync('/sys/fs/cgroup', { recursive: false }).flatMap((hierarchy) =>
      existsSync(`/sys/fs/cgroup/${hierarchy}/${cgroup}`) ? [String(hierarchy)] : [],
    ),
  }
}

function commandOf(pid: string): string {
  const file = `/proc/${pid}/cmdline`
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

test("up ends with the demo's table, and down leaves nothing", async () => {
  const { stdout } = await lab('up', '--nodes', '1')
  expect(stdout).toMatch(/node-1\s+probe-node-1\s+http:\/\/10\.96\.\d+\.\d+\/hostname\s+web-/)
  await lab('down')
  expect(await traces()).toEqual(before)
})

test('down clears a lab whose processes were all killed, and whose state is gone', async () => {
  await lab('up', '--nodes', '1', '--no-demo')
  const { cgroup, dataDir } = planLab(name, '0.0.0', 0)
  await killProcesses(cgroup)
  await execa('rm', ['-f', `${dataDir}/lab.json`])
  await lab('down')
  expect(await traces()).toEqual(before)
})

test('a second up with other wishes says what to do', async () => {
  await lab('up', '--nodes', '1', '--no-demo')
  await expect(lab('up', '--nodes', '2', '--no-demo')).rejects.toThrow('run `scripts/lab down`')
  await lab('down')
})
