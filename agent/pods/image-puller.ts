// Gets a container's image by its pull policy, with Kubernetes' back-off per pod and image: 10 s, doubling to 5 min.
// https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy

import type { Container as ContainerTemplate } from '../../api/generated/types.ts'
import { type Image, InvalidImageNameError, type Runtime } from '../runtime/runtime.ts'

/** The image cannot be had now. */
export class ImageError extends Error {
  readonly code = 'IMAGE'
  /** ErrImagePull, ImagePullBackOff, ErrImageNeverPull, InvalidImageName. */
  readonly waitingReason: string
  readonly retryAtMs: number

  constructor(waitingReason: string, message: string, retryAtMs: number, cause?: unknown) {
    super(message, { cause })
    this.waitingReason = waitingReason
    this.retryAtMs = retryAtMs
  }
}

/** Told of what users see in events. */
export type ImageEvent = (type: 'Normal' | 'Warning', reason: string, message: string) => void

export interface ImagePullerOptions {
  runtime: Pick<Runtime, 'findImage' | 'pullImage'>
  now: () => number
}

interface BackOff {
  delayMs: number
  untilMs: number
  why: string
}

const firstDelayMs = 10_000
const longestDelayMs = 300_000
/** ErrImagePull is shown this long before it becomes ImagePullBackOff. */
const shownMs = 2_000

export class ImagePuller {
  readonly #runtime: ImagePullerOptions['runtime']
  readonly #now: () => number
  readonly #pulls = new Map<string, Promise<Image>>()
  readonly #backOffs = new Map<string, BackOff>()

  constructor({ runtime, now }: ImagePullerOptions) {
    this.#runtime = runtime
    this.#now = now
  }

  /** The image, pulled if the policy wants it. Throws ImageError. */
  async ensure(podUid: string, template: ContainerTemplate, emit: ImageEvent): Promise<Image> {
    const reference = template.image ?? ''
    try {
      return await this.#ensure(podUid, template, emit)
    } catch (error) {
      if (error instanceof InvalidImageNameError) throw this.#refuseName(reference, error, emit)
      throw error
    }
  }

  async #ensure(podUid: string, { image: reference = '', imagePullPolicy }: ContainerTemplate, emit: ImageEvent) {
    const policy = imagePullPolicy ?? defaultPolicy(reference)
    const present = policy === 'Always' ? undefined : await this.#runtime.findImage(reference)
    if (present !== undefined) {
      emit('Normal', 'Pulled', `Container image "${reference}" already present on machine`)
      return present
    }
    if (policy === 'Never') throw this.#refuse(reference, emit)
    return await this.#pull(`${podUid} ${reference}`, reference, emit)
  }

  /** Forgets the back-offs of a pod that is gone. */
  forget(podUid: string): void {
    for (const key of this.#backOffs.keys()) if (key.startsWith(`${podUid} `)) this.#backOffs.delete(key)
  }

  #refuse(reference: string, emit: ImageEvent): ImageError {
    const message = `Container image "${reference}" is not present with pull policy of Never`
    emit('Warning', 'ErrImageNeverPull', message)
    return new ImageError('ErrImageNeverPull', message, this.#now() + 10_000)
  }

  #refuseName(reference: string, cause: InvalidImageNameError, emit: ImageEvent): ImageError {
    const message = `couldn't parse image name "${reference}": ${cause.message}`
    emit('Warning', 'InspectFailed', `Failed to apply default image tag "${reference}": ${message}`)
    emit('Warning', 'Failed', 'Error: InvalidImageName')
    return new ImageError('InvalidImageName', message, this.#now() + 10_000, cause)
  }

  async #pull(key: string, reference: string, emit: ImageEvent): Promise<Image> {
    const backOff = this.#backOffs.get(key)
    if (backOff !== undefined && backOff.untilMs > this.#now()) {
      emit('Normal', 'BackOff', `Back-off pulling image "${reference}"`)
      emit('Warning', 'Failed', 'Error: ImagePullBackOff')
      const message = `Back-off pulling image "${reference}": ErrImagePull: ${backOff.why}`
      throw new ImageError('ImagePullBackOff', message, backOff.untilMs)
    }
    emit('Normal', 'Pulling', `Pulling image "${reference}"`)
    const startedMs = this.#now()
    try {
      const image = await this.#pullOnce(reference)
      this.#backOffs.delete(key)
      const seconds = ((this.#now() - startedMs) / 1000).toFixed(3)
      emit(
        'Normal',
        'Pulled',
        `Successfully pulled image "${reference}" in ${seconds}s. Image size: ${image.sizeBytes} bytes.`,
      )
      return image
    } catch (error) {
      if (error instanceof InvalidImageNameError) throw error
      throw this.#failed(key, reference, error, emit)
    }
  }

  /** Several containers that want the same image wait for the same pull. */
  async #pullOnce(reference: string): Promise<Image> {
    const running = this.#pulls.get(reference)
    if (running !== undefined) return await running
    const pull = this.#runtime.pullImage(reference).finally(() => this.#pulls.delete(reference))
    this.#pulls.set(reference, pull)
    return await pull
  }

  #failed(key: string, reference: string, error: unknown, emit: ImageEvent): ImageError {
    const why = error instanceof Error ? error.message : String(error)
    const delayMs = Math.min((this.#backOffs.get(key)?.delayMs ?? firstDelayMs / 2) * 2, longestDelayMs)
    this.#backOffs.set(key, { delayMs, untilMs: this.#now() + delayMs, why })
    emit('Warning', 'Failed', `Failed to pull image "${reference}": ${why}`)
    emit('Warning', 'Failed', 'Error: ErrImagePull')
    return new ImageError('ErrImagePull', why, this.#now() + shownMs, error)
  }
}

/** Always for ":latest" and for no tag at all, unless a digest pins the image. */
function defaultPolicy(reference: string): 'Always' | 'IfNotPresent' {
  if (reference.includes('@')) return 'IfNotPresent'
  const tag = /:([^/:]+)$/.exec(reference)?.[1]
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent'
}
