// The one file, as a host has it: built here for this machine, and started by its own name and by the plugin's.

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa, type Options } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { run } from '../../cni/linux/exec.ts'
import { startDockerd, type TestDockerd } from '../support/docker.ts'
import { type Host, TestNetwork } from '../support/namespaces.ts'

const root = join(import.meta.dirname, '../..')
const file = join(root, 'dist/fairlead')
let directory = ''
let net: TestNetwork
let [node, pod]: Host[] = []
let dockerd: TestDockerd

beforeAll(async () => {
  // Nothing is built when what is there is of the same sources.
  await execa(process.execPath, [join(root, 'scripts/build-executable.ts')])
  directory = mkdtempSync(join(tmpdir(), 'fl-test-exe-'))
  symlinkSync(file, join(directory, 'cbr'))
  net = await TestNetwork.create('exe')
  node = await net.addHost('node')
  pod = await net.addHost('pod')
  dockerd = await startDockerd({ name: 'exe' })
}, 300_000)
afterAll(async () => {
  await dockerd?.stop()
  await net?.close()
  if (directory !== '') rmSync(directory, { recursive: true })
})

/** Runs the file on its own: no node, no node_modules, nothing of this folder. */
const fairlead = (args: string[], options: Options = {}) =>
  execa(file, args, {
    cwd: '/',
    extendEnv: false,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    reject: false,
    ...options,
  })

test('it says its version, and nothing else', async () => {
  const { stdout, stderr, exitCode } = await fairlead(['version'])
  expect({ stdout, stderr, exitCode }).toEqual({
    stdout: expect.stringMatching(/^fairlead \d+\.\d+\.\d+ \(build [0-9a-f]{10}, Node 26\.\d+\.\d+, linux\/\w+\)$/),
    stderr: '',
    exitCode: 0,
  })
})

test('it needs no library but those that every host has', async () => {
  const { stdout } = await execa('ldd', [file])
  const names = [...stdout.matchAll(/^\s+(\S+)\.so/gm)].map(([, name]) => name?.split('/').at(-1))
  const common = /^(linux-vdso|libc|libdl|libm|libpthread|libstdc\+\+|libgcc_s|ld-linux.*)$/
  expect(names).toContain('libc')
  expect(names.filter((name) => !common.test(name ?? ''))).toEqual([])
})

test.each([
  ['server', 'Usage: fairlead server'],
  ['issue-node', 'Usage: fairlead issue-node'],
  ['agent', 'Usage: fairlead agent'],
  ['dns', 'Usage: fairlead dns'],
  ['images', 'Usage: fairlead images'],
  ['cni', 'CNI_COMMAND'],
  ['init', 'fairlead init'],
  ['get', 'Usage: fairlead get'],
])('%s --help tells how to call it', async (word, text) => {
  const { stdout, stderr, exitCode } = await fairlead([word, '--help'])
  expect(stdout).toContain(text)
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
})

test('--help lists the commands of the cluster and of the host', async () => {
  const { stdout, exitCode } = await fairlead(['--help'])
  for (const command of ['get ', 'apply ', 'init ', 'join ', 'server ', 'images '])
    expect(stdout).toContain(`  ${command}`)
  expect(exitCode).toBe(0)
})

test('a command that it does not know fails, and leads to the list', async () => {
  const { stderr, exitCode } = await fairlead(['frobnicate'])
  expect(stderr).toContain("unknown command 'frobnicate'")
  expect(exitCode).toBe(1)
})

test('server becomes ready, serves the command line and what kubectl explain reads, and ends on SIGTERM', async () => {
  const dataDir = join(directory, 'server')
  const args = [
    'server',
    '--data-dir',
    dataDir,
    '--bind-address',
    '127.0.0.1',
    '--port',
    '16943',
    '--advertise-address',
    '192.0.2.1',
  ]
  const server = execa('nsenter', [`--net=${node?.netns}`, file, ...args], { cwd: '/', reject: false })
  const curl = async (path: string, credentials: string[] = []) => {
    const words = ['--silent', '--fail', '--insecure', ...credentials, `https://127.0.0.1:16943${path}`]
    return await run('curl', words, { netns: node?.netns ?? '' })
  }
  try {
    await vi.waitFor(async () => expect(await curl('/readyz')).toBe('ok'), { timeout: 50_000, interval: 200 })
    const kubeconfig = join(dataDir, 'admin.kubeconfig')
    const cli = ['--kubeconfig', kubeconfig, 'get', 'namespaces', '-o', 'name']
    await run('sed', ['-i', 's#https://192.0.2.1#https://127.0.0.1#', kubeconfig])
    expect(await run(file, cli, { netns: node?.netns ?? '' })).toContain('namespace/kube-system')
    const openApi = JSON.parse(await curl('/openapi/v2', writeCredentials(kubeconfig)))
    expect(openApi.definitions['io.k8s.api.core.v1.Pod'].description).toContain('Pod is a collection of containers')
  } finally {
    server.kill('SIGTERM')
  }
  expect((await server).exitCode).toBe(0)
  // lmdb's native part was given to the loader without a name: nothing of it is left.
  expect(readdirSync('/var/tmp').filter((name) => name.startsWith('.fairlead-'))).toEqual([])
})

/** The administrator's certificate and key as files: words for curl. */
function writeCredentials(kubeconfig: string): string[] {
  const text = readFileSync(kubeconfig, 'utf8')
  return [['--cert', 'client-certificate-data'] as const, ['--key', 'client-key-data'] as const].flatMap(
    ([flag, name]) => {
      const path = join(directory, name)
      writeFileSync(path, Buffer.from(new RegExp(`${name}: "?([^"\\s]+)`).exec(text)?.[1] ?? '', 'base64'))
      return [flag, path]
    },
  )
}

test('called cbr it attaches a pod and detaches it', async () => {
  const call = async (command: string) => {
    const config = {
      cniVersion: '1.1.0',
      name: 'pods',
      type: 'cbr',
      ipam: { subnet: '10.244.9.0/24', dataDir: directory },
    }
    const env = { CNI_COMMAND: command, CNI_CONTAINERID: 'c1', CNI_NETNS: pod?.netns ?? '', CNI_IFNAME: 'eth0' }
    const options = { env, input: JSON.stringify(config) }
    const { stdout, stderr } = await execa('nsenter', [`--net=${node?.netns}`, join(directory, 'cbr')], options)
    expect(stderr).toBe('')
    return stdout
  }
  const { ips } = JSON.parse(await call('ADD'))
  expect(ips).toMatchObject([{ address: '10.244.9.2/24', gateway: '10.244.9.1' }])
  await run('ping', ['-c', '1', '-W', '5', '10.244.9.2'], { netns: node?.netns ?? '' })
  expect(await call('DEL')).toBe('')
  expect(await run('ip', ['-brief', 'link', 'show'], { netns: pod?.netns ?? '' })).not.toContain('eth0')
})

test('a script given with -e runs as in Node, which programs start in namespaces of others', async () => {
  const script = 'console.log(process.argv.slice(1).join(), require("node:net").isIP("::1"))'
  expect((await fairlead(['-e', script, 'a', 'b'])).stdout).toBe('a,b 6')
})

test('images --load hands Docker the pause and the DNS server, and both run', async () => {
  const { stdout, stderr } = await fairlead(['images', '--load', '--docker-socket', dockerd.socket])
  expect({ lines: stdout?.toString().split('\n'), stderr }).toEqual({
    lines: ['fairlead/pause:1', 'fairlead/dns:1', 'fairlead/dns:latest'],
    stderr: '',
  })
  const pause = await dockerd.docker('run', '--detach', '--network=none', 'fairlead/pause:1')
  expect(await dockerd.docker('inspect', '--format={{.State.Running}}', pause)).toBe('true')
  await dockerd.docker('stop', pause)
  expect(await dockerd.docker('inspect', '--format={{.State.ExitCode}}', pause)).toBe('0')
  const asHosts = ['--read-only', '--volume', `${file}:/usr/local/bin/fairlead:ro`]
  expect(await dockerd.docker('run', '--network=none', ...asHosts, 'fairlead/dns:1', '--help')).toContain(
    'Usage: fairlead dns',
  )
  const size = await dockerd.docker('image', 'inspect', '--format={{.Size}}', 'fairlead/dns:1')
  expect(Number(size)).toBeLessThan(20e6)
})

test('images --load loads what other content bears the name of, and nothing else', async () => {
  const inspect = (name: string) => dockerd.docker('image', 'inspect', '--format={{.Metadata.LastTagTime}}', name)
  const load = () => fairlead(['images', '--load', '--docker-socket', dockerd.socket])
  await load()
  await dockerd.docker('tag', 'fairlead/pause:1', 'fairlead/dns:1')
  const pause = await inspect('fairlead/pause:1')
  await load()
  const dns = await inspect('fairlead/dns:1')
  expect(dns).not.toBe(pause)
  await load()
  expect([await inspect('fairlead/pause:1'), await inspect('fairlead/dns:1')]).toEqual([pause, dns])
})

test('images says that Docker is not there', async () => {
  const { stderr, exitCode } = await fairlead(['images', '--load', '--docker-socket', join(directory, 'no.sock')])
  expect(stderr).toMatch(/^fairlead images: Docker at \S+no\.sock does not take the images: .*Does it run/)
  expect(exitCode).toBe(1)
})
