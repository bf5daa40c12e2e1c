// How messages of protobuf are described, and the parts that all kinds share.

/** What a field holds. "zero" values were left out by the sender's JSON form and are left out here. */
export type Field =
  | { name: string; type: 'string' | 'int' | 'bool' | 'bytes'; repeated?: true; keepZero?: true }
  | { name: string; type: 'message'; of: Message; repeated?: true }
  | { name: string; type: 'map'; of: 'string' | 'bytes' }
  | { name: string; type: 'intOrString' | 'time' | 'ignored' }

/** Fields by number. */
export type Message = ReadonlyMap<number, Field>

/** Text. */
export const text = (name: string): Field => ({ name, type: 'string' })
/** A list of texts. */
export const texts = (name: string): Field => ({ name, type: 'string', repeated: true })
/** A number. */
export const int = (name: string): Field => ({ name, type: 'int' })
/** A pointer in Go: zero is not the same as absent. */
export const optionalInt = (name: string): Field => ({ name, type: 'int', keepZero: true })
/** A truth. */
export const bool = (name: string): Field => ({ name, type: 'bool' })
/** A pointer in Go: false is not the same as absent. */
export const optionalBool = (name: string): Field => ({ name, type: 'bool', keepZero: true })
/** One message. */
export const message = (name: string, of: Message): Field => ({ name, type: 'message', of })
/** A list of messages. */
export const messages = (name: string, of: Message): Field => ({ name, type: 'message', of, repeated: true })
/** A map of texts. */
export const strings = (name: string): Field => ({ name, type: 'map', of: 'string' })
/** Bytes, base64 in JSON. */
export const binary = (name: string): Field => ({ name, type: 'bytes' })
/** A map of bytes, base64 in JSON. */
export const binaries = (name: string): Field => ({ name, type: 'map', of: 'bytes' })
/** A point in time. */
export const time = (name: string): Field => ({ name, type: 'time' })
/** A number or text. */
export const intOrString = (name: string): Field => ({ name, type: 'intOrString' })
/** Creates do not set it. */
export const ignored = (name: string): Field => ({ name, type: 'ignored' })

const ownerReference: Message = new Map([
  [1, text('kind')],
  [3, text('name')],
  [4, text('uid')],
  [5, text('apiVersion')],
  [6, optionalBool('controller')],
  [7, optionalBool('blockOwnerDeletion')],
])

const objectMeta: Message = new Map([
  [1, text('name')],
  [2, text('generateName')],
  [3, text('namespace')],
  [4, ignored('selfLink')],
  [5, text('uid')],
  [6, text('resourceVersion')],
  [7, int('generation')],
  [8, time('creationTimestamp')],
  [9, time('deletionTimestamp')],
  [10, optionalInt('deletionGracePeriodSeconds')],
  [11, strings('labels')],
  [12, strings('annotations')],
  [13, messages('ownerReferences', ownerReference)],
  [14, texts('finalizers')],
  [17, ignored('managedFields')],
])

/** Every object's first field. */
export const metadata = message('metadata', objectMeta)

/** meta.v1.LabelSelector. */
export const labelSelector: Message = new Map([
  [1, strings('matchLabels')],
  [
    2,
    messages(
      'matchExpressions',
      new Map([
        [1, text('key')],
        [2, text('operator')],
        [3, texts('values')],
      ]),
    ),
  ],
])
