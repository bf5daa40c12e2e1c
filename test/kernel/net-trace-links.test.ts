// net trace on networks broken on purpose: links.

import { links } from '../broken-networks/cases.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trlinks', links)
