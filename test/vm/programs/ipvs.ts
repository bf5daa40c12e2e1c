// The IPVS backend, judged by packets in network namespaces of the guest.

import { test } from 'node:test'

test('the guest has IPVS', () => {})
