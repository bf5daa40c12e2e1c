import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { loadKubeconfig } from './kubeconfig.ts'

const folder = mkdtempSync(join(tmpdir(), 'fl-kubeconfig-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => vi.unstubAllEnvs())

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const base64 = (text: string) => Buffer.from(text).toString('base64')

const full = write(
  'full',
  `
apiVersion: v1
kind: Config
current-context: admin@lab
clusters:
- name: lab
  cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: ${base64('CA')}, tls-server-name: api}
contexts:
- {name: admin@lab, context: {cluster: lab, user: admin}}
- {name: ci, context: {cluster: lab, user: robot, namespace: build}}
- {name: torn, context: {cluster: lab, user: nobody}}
- {name: cloud, context: {cluster: lab, user: cloud}}
- {name: half, context: {cluster: lab, user: half}}
users:
- {name: admin, user: {client-certificate-data: ${base64('CERT')}, client-key: keys/admin.key}}
- {name: robot, user: {token: t0ken}}
- {name: cloud, user: {exec: {command: aws}}}
- {name: half, user: {client-certificate-data: ${base64('CERT')}}}
`.replace('keys/admin.key', 'admin.key'),
)
write('admin.key', 'KEY')

test('the current context gives the server and the certificates, from data and from files beside the kubeconfig', () => {
  expect(loadKubeconfig(full)).toEqual({
    server: 'https://10.0.0.1:6443',
    ca: 'CA',
    cert: 'CERT',
    key: 'KEY',
    keyFile: join(folder, 'admin.key'),
    servername: 'api',
    namespace: 'default',
    context: 'admin@lab',
  })
})

test('another context can be chosen', () => {
  expect(loadKubeconfig(full, 'ci')).toMatchObject({ token: 't0ken', namespace: 'build' })
})

test('the files of KUBECONFIG are merged, the first wins, missing ones count as empty', () => {
  const first = write('first', 'current-context: ci\nusers: [{name: robot, user: {token: other}}]')
  vi.stubEnv('KUBECONFIG', `${join(folder, 'absent')}:${first}:${full}`)
  expect(loadKubeconfig()).toMatchObject({ context: 'ci', token: 'other', ca: 'CA' })
})

test.each([
  ['a missing file', join(folder, 'absent'), undefined, /absent does not exist: give one with --kubeconfig/],
  ['a context that is not there', full, 'nope', /context "nope" does not exist in .*full/],
  ['a user that is not there', full, 'torn', /user "nobody" of context "torn" does not exist/],
  ['a credential plug-in', full, 'cloud', /"exec" are not supported/],
  ['a certificate without key', full, 'half', /both client-certificate and client-key/],
  ['broken YAML', write('broken', 'a: [b'), undefined, /cannot read kubeconfig .*broken/],
  ['a list', write('list', '- a'), undefined, /is not a kubeconfig/],
  ['no current context', write('none', 'clusters: []'), undefined, /has no current-context/],
  [
    'a server that is no URL',
    write(
      'url',
      'current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "::"}}]',
    ),
    undefined,
    /server "::", which is no URL/,
  ],
])('%s is refused with the reason', (_, path, context, message) => {
  expect(() => loadKubeconfig(path, context)).toThrow(message)
})
