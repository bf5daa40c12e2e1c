// What the lab runs: the built programs, the pinned Node, the image archives.

import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
/** The Node that runs this process runs the lab's daemons too. */
export const node = process.execPath
export const controlPlaneProgram = join(dist, 'control-plane.js')
export const agentProgram = join(dist, 'agent.js')
export const cliProgram = join(dist, 'fairlead.js')
export const imageArchives = ['pause', 'testbox', 'dns'].map((name) => join(dist, 'images', `${name}.tar`))
