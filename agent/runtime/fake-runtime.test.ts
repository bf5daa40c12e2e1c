import { expect, test } from 'vitest'
import { FakeRuntime } from './fake-runtime.ts'
import { makeContainerSpec, makeSandboxSpec, testRuntime } from './runtime.cases.ts'

testRuntime(async () => {
  const runtime = new FakeRuntime()
  runtime.addImage('test-image')
  runtime.failPull('127.0.0.1:1/no-such-image:1', 'connection refused')
  return { runtime, image: 'test-image', close: async () => {} }
})

async function startOne(runtime: FakeRuntime) {
  const sandbox = await runtime.createSandbox(makeSandboxSpec())
  const id = await runtime.createContainer(sandbox, makeContainerSpec(runtime.addImage('test-image')))
  await runtime.startContainer(id)
  return { sandbox, id }
}

test('a test can end a container as the kernel would', async () => {
  const runtime = new FakeRuntime({ now: () => 1000 })
  const { id } = await startOne(runtime)
  await runtime.endContainer(id, 137, { oomKilled: true })
  const [container] = await runtime.listContainers()
  expect(container).toMatchObject({ state: 'exited', exitCode: 137, reason: 'OOMKilled', finishedAtMs: 1000 })
})

test('a test can kill a sandbox under its containers', async () => {
  const runtime = new FakeRuntime()
  const { sandbox } = await startOne(runtime)
  runtime.killSandbox(sandbox.id)
  expect((await runtime.listSandboxes())[0]?.state).toBe('notReady')
  expect((await runtime.listContainers())[0]?.state).toBe('running')
})

test('a test can make pulls fail, and work again', async () => {
  const runtime = new FakeRuntime()
  runtime.failPull('web:1', 'manifest unknown')
  await expect(runtime.pullImage('web:1')).rejects.toThrow('manifest unknown')
  runtime.failPull('web:1')
  expect((await runtime.pullImage('web:1')).tags).toEqual(['web:1'])
  expect(runtime.pulls).toEqual(['web:1', 'web:1'])
})
