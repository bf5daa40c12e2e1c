import { expect, test, vi } from 'vitest'
import { FakeClient } from '../../../api/client/fake-client.ts'
import { pods } from '../../../api/resources/pods.ts'
import { services } from '../../../api/resources/services.ts'
import { benchNamespace, setStage } from './stage.ts'

test('a node whose name is a whole domain name has a Service that leads to its server', async () => {
  const client = new FakeClient()
  const node = 'worker-1.rack-7.example.com'
  const stop = new AbortController()
  const staged = setStage({ client }, { nodes: [node], image: 'x', family: 'ipv4' }, stop.signal)
  const namespace = benchNamespace
  const [service, pod] = await vi.waitFor(async () => {
    const [made] = (await client.list(services, { namespace })).items
    return [made, await client.get(pods, { namespace, name: `server-${node}` })] as const
  })
  stop.abort()
  await staged.catch(() => undefined)
  // A Service's name is a label of DNS: RFC 1035, section 2.3.1.
  expect(service?.metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/)
  expect(service?.spec.selector).toEqual(pod.metadata.labels)
})
