// What fails for want of a kernel module says which one.

import { isNoIpvs, isNoScheduler } from '../../../cni/linux/ipvs.ts'

/** Waits for work with IPVS; its failure names the kernel module that is missing, if that is why. */
export async function explainIpvsError<T>(work: Promise<T>, scheduler: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (isNoScheduler(error))
      throw new Error(`this kernel has no IPVS scheduler "${scheduler}": modprobe ip_vs_${scheduler}`, { cause: error })
    if (isNoIpvs(error))
      throw new Error(`this kernel has no IPVS: modprobe ip_vs; modprobe ip_vs_${scheduler}`, { cause: error })
    throw error
  }
}
