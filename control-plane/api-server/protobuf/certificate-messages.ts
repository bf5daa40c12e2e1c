// The kind of `kubectl certificate approve` and `deny`.

import { binary, ignored, type Message, message, messages, metadata, optionalInt, text, texts, time } from './fields.ts'

const spec: Message = new Map([
  [1, binary('request')],
  [2, text('username')],
  [3, text('uid')],
  [4, texts('groups')],
  [5, texts('usages')],
  // The server writes who asks.
  [6, ignored('extra')],
  [7, text('signerName')],
  [8, optionalInt('expirationSeconds')],
])

const condition: Message = new Map([
  [1, text('type')],
  [2, text('reason')],
  [3, text('message')],
  [4, time('lastUpdateTime')],
  [5, time('lastTransitionTime')],
  [6, text('status')],
])

const status: Message = new Map([
  [1, messages('conditions', condition)],
  [2, binary('certificate')],
])

/** By "apiVersion/kind" of the envelope. */
export const certificateKinds: readonly [kind: string, message: Message][] = [
  [
    'certificates.k8s.io/v1/CertificateSigningRequest',
    new Map([
      [1, metadata],
      [2, message('spec', spec)],
      [3, message('status', status)],
    ]),
  ],
]
