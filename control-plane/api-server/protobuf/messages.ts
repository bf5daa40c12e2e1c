// Field numbers of the kinds that kubectl creates through its typed client, which speaks protobuf and nothing else.
// Numbers: the .proto files of k8s.io/api. A message with a field that is not here is refused, never read in part.

import { accessKinds } from './access-messages.ts'
import { certificateKinds } from './certificate-messages.ts'
import {
  binaries,
  bool,
  ignored,
  int,
  intOrString,
  labelSelector,
  type Message,
  message,
  messages,
  metadata,
  optionalBool,
  optionalInt,
  strings,
  text,
  texts,
} from './fields.ts'

const containerPort: Message = new Map([
  [1, text('name')],
  [2, int('hostPort')],
  [3, int('containerPort')],
  [4, text('protocol')],
  [5, text('hostIP')],
])

const container: Message = new Map([
  [1, text('name')],
  [2, text('image')],
  [3, texts('command')],
  [4, texts('args')],
  [5, text('workingDir')],
  [6, messages('ports', containerPort)],
  // kubectl create makes no resources; Go writes the empty message all the same.
  [8, message('resources', new Map())],
  [13, text('terminationMessagePath')],
  [14, text('imagePullPolicy')],
  [16, bool('stdin')],
  [17, bool('stdinOnce')],
  [18, bool('tty')],
  [20, text('terminationMessagePolicy')],
])

const podSpec: Message = new Map([
  [2, messages('containers', container)],
  [3, text('restartPolicy')],
  [4, optionalInt('terminationGracePeriodSeconds')],
  [6, text('dnsPolicy')],
  [7, strings('nodeSelector')],
  [8, text('serviceAccountName')],
  [9, text('serviceAccount')],
  [10, text('nodeName')],
  [11, bool('hostNetwork')],
  [12, bool('hostPID')],
  [13, bool('hostIPC')],
  [14, message('securityContext', new Map())],
  [16, text('hostname')],
  [17, text('subdomain')],
  [19, text('schedulerName')],
  [24, text('priorityClassName')],
])

const podTemplate: Message = new Map([
  [1, metadata],
  [2, message('spec', podSpec)],
])
const rollingUpdate: Message = new Map([
  [1, intOrString('maxUnavailable')],
  [2, intOrString('maxSurge')],
])

const deploymentSpec: Message = new Map([
  [1, optionalInt('replicas')],
  [2, message('selector', labelSelector)],
  [3, message('template', podTemplate)],
  [
    4,
    message(
      'strategy',
      new Map([
        [1, text('type')],
        [2, message('rollingUpdate', rollingUpdate)],
      ]),
    ),
  ],
  [5, int('minReadySeconds')],
  [6, optionalInt('revisionHistoryLimit')],
  [7, bool('paused')],
  [9, optionalInt('progressDeadlineSeconds')],
])

const servicePort: Message = new Map([
  [1, text('name')],
  [2, text('protocol')],
  [3, int('port')],
  [4, intOrString('targetPort')],
  [5, int('nodePort')],
  [6, text('appProtocol')],
])

const serviceSpec: Message = new Map([
  [1, messages('ports', servicePort)],
  [2, strings('selector')],
  [3, text('clusterIP')],
  [4, text('type')],
  [5, texts('externalIPs')],
  [7, text('sessionAffinity')],
  [8, text('loadBalancerIP')],
  [9, texts('loadBalancerSourceRanges')],
  [10, text('externalName')],
  [11, text('externalTrafficPolicy')],
  [12, int('healthCheckNodePort')],
  [13, bool('publishNotReadyAddresses')],
  [17, text('ipFamilyPolicy')],
  [18, texts('clusterIPs')],
  [19, texts('ipFamilies')],
  [20, optionalBool('allocateLoadBalancerNodePorts')],
  [21, text('loadBalancerClass')],
  [22, text('internalTrafficPolicy')],
  [23, text('trafficDistribution')],
])

const deleteOptions: Message = new Map([
  [1, optionalInt('gracePeriodSeconds')],
  [
    2,
    message(
      'preconditions',
      new Map([
        [1, text('uid')],
        [2, text('resourceVersion')],
      ]),
    ),
  ],
  [3, optionalBool('orphanDependents')],
  [4, text('propagationPolicy')],
  [5, texts('dryRun')],
])

/** By "apiVersion/kind" of the envelope. */
export const kinds: ReadonlyMap<string, Message> = new Map<string, Message>([
  [
    'v1/Namespace',
    new Map([
      [1, metadata],
      [2, message('spec', new Map([[1, texts('finalizers')]]))],
      [3, ignored('status')],
    ]),
  ],
  [
    'v1/ConfigMap',
    new Map([
      [1, metadata],
      [2, strings('data')],
      [3, binaries('binaryData')],
      [4, optionalBool('immutable')],
    ]),
  ],
  [
    'v1/Secret',
    new Map([
      [1, metadata],
      [2, binaries('data')],
      [3, text('type')],
      [4, strings('stringData')],
      [5, optionalBool('immutable')],
    ]),
  ],
  [
    'v1/ServiceAccount',
    new Map([
      [1, metadata],
      [4, optionalBool('automountServiceAccountToken')],
    ]),
  ],
  [
    'v1/Service',
    new Map([
      [1, metadata],
      [2, message('spec', serviceSpec)],
      [3, ignored('status')],
    ]),
  ],
  [
    'apps/v1/Deployment',
    new Map([
      [1, metadata],
      [2, message('spec', deploymentSpec)],
      [3, ignored('status')],
    ]),
  ],
  [
    'policy/v1/Eviction',
    new Map([
      [1, metadata],
      [2, message('deleteOptions', deleteOptions)],
    ]),
  ],
  ...accessKinds,
  ...certificateKinds,
  ['v1/DeleteOptions', deleteOptions],
  ['meta.k8s.io/v1/DeleteOptions', deleteOptions],
])

/** What every protobuf body of Kubernetes is wrapped in, after four bytes of magic. */
export const envelope: Message = new Map([
  [
    1,
    message(
      'typeMeta',
      new Map([
        [1, text('apiVersion')],
        [2, text('kind')],
      ]),
    ),
  ],
  [2, { name: 'raw', type: 'bytes' }],
  [3, text('contentEncoding')],
  [4, text('contentType')],
])
