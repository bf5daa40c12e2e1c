// `node vagrant/box/main.ts [OUT]`: builds a libvirt box of Debian 12 from Debian packages alone, for machines that reach a
// Debian mirror and no box catalogue. Needs root; prints the box's path. OUT is a folder, .cache/vagrant by default.

import { join } from 'node:path'
import { ensureBox } from './box.ts'

const outDir = process.argv[2] ?? join(import.meta.dirname, '../../.cache/vagrant')
console.log((await ensureBox(outDir)).path)
