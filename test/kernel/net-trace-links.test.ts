// net trace on networks broken on purpose: links.

import { links } from '../broken-networks/links.ts'
import { testBrokenNetworks } from '../broken-networks/suite.ts'

testBrokenNetworks('trlinks', links)
