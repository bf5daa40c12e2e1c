// net trace on networks broken on purpose: Services by nftables.

import { nftables } from '../broken-networks/nftables.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trnft', nftables, { mode: 'nftables' })
