// Field numbers of the kinds that clients send as protobuf though they could send JSON: kubectl create and drain do so
// for built-in kinds. From the protobuf tags of the Go types in k8s.io/api. A question mark says that the field is a
// pointer in Go, so that zero and false are values of their own, not absence.

/** Definition -> field names, in a text of "number:name" pairs. */
export const protobufFields: Readonly<Record<string, string>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta':
    '1:name 2:generateName 3:namespace 4:selfLink 5:uid 6:resourceVersion 7:generation 8:creationTimestamp 9:deletionTimestamp 10:deletionGracePeriodSeconds? 11:labels 12:annotations 13:ownerReferences 14:finalizers',
  'io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference':
    '1:kind 3:name 4:uid 5:apiVersion 6:controller? 7:blockOwnerDeletion?',
  'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector': '1:matchLabels 2:matchExpressions',
  'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement': '1:key 2:operator 3:values',
  'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions':
    '1:gracePeriodSeconds? 2:preconditions 3:orphanDependents? 4:propagationPolicy 5:dryRun',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions': '1:uid 2:resourceVersion',
  'io.k8s.api.core.v1.ConfigMap': '1:metadata 2:data 3:binaryData 4:immutable?',
  'io.k8s.api.core.v1.Secret': '1:metadata 2:data 3:type 4:stringData 5:immutable?',
  'io.k8s.api.core.v1.Namespace': '1:metadata 2:spec 3:status',
  'io.k8s.api.core.v1.NamespaceSpec': '1:finalizers',
  'io.k8s.api.core.v1.NamespaceStatus': '1:phase',
  'io.k8s.api.core.v1.ServiceAccount': '1:metadata 2:secrets 3:imagePullSecrets 4:automountServiceAccountToken?',
  'io.k8s.api.core.v1.LocalObjectReference': '1:name',
  'io.k8s.api.core.v1.ObjectReference': '1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath',
  'io.k8s.api.core.v1.Service': '1:metadata 2:spec 3:status',
  'io.k8s.api.core.v1.ServiceSpec':
    '1:ports 2:selector 3:clusterIP 4:type 5:externalIPs 7:sessionAffinity 8:loadBalancerIP 9:loadBalancerSourceRanges 10:externalName 11:externalTrafficPolicy 12:healthCheckNodePort 13:publishNotReadyAddresses 14:sessionAffinityConfig 17:ipFamilyPolicy 18:clusterIPs 19:ipFamilies 20:allocateLoadBalancerNodePorts? 21:loadBalancerClass 22:internalTrafficPolicy 23:trafficDistribution',
  'io.k8s.api.core.v1.ServicePort': '1:name 2:protocol 3:port 4:targetPort 5:nodePort 6:appProtocol',
  'io.k8s.api.core.v1.SessionAffinityConfig': '1:clientIP',
  'io.k8s.api.core.v1.ClientIPConfig': '1:timeoutSeconds?',
  'io.k8s.api.core.v1.ServiceStatus': '1:loadBalancer',
  'io.k8s.api.core.v1.LoadBalancerStatus': '',
  'io.k8s.api.apps.v1.Deployment': '1:metadata 2:spec 3:status',
  'io.k8s.api.apps.v1.DeploymentSpec':
    '1:replicas? 2:selector 3:template 4:strategy 5:minReadySeconds 6:revisionHistoryLimit? 7:paused 9:progressDeadlineSeconds?',
  'io.k8s.api.apps.v1.DeploymentStrategy': '1:type 2:rollingUpdate',
  'io.k8s.api.apps.v1.RollingUpdateDeployment': '1:maxUnavailable 2:maxSurge',
  'io.k8s.api.apps.v1.DeploymentStatus': '',
  'io.k8s.api.core.v1.PodTemplateSpec': '1:metadata 2:spec',
  'io.k8s.api.core.v1.PodSpec':
    '2:containers 3:restartPolicy 4:terminationGracePeriodSeconds? 5:activeDeadlineSeconds? 6:dnsPolicy 7:nodeSelector 8:serviceAccountName 9:serviceAccount 10:nodeName 11:hostNetwork 12:hostPID 13:hostIPC 15:imagePullSecrets 16:hostname 17:subdomain 19:schedulerName 20:initContainers 21:automountServiceAccountToken?',
  'io.k8s.api.core.v1.Container':
    '1:name 2:image 3:command 4:args 5:workingDir 6:ports 7:env 8:resources 13:terminationMessagePath 14:imagePullPolicy 16:stdin 17:stdinOnce 18:tty 20:terminationMessagePolicy',
  'io.k8s.api.core.v1.ContainerPort': '1:name 2:hostPort 3:containerPort 4:protocol 5:hostIP',
  'io.k8s.api.core.v1.EnvVar': '1:name 2:value',
  'io.k8s.api.core.v1.ResourceRequirements': '1:limits 2:requests',
  'io.k8s.api.policy.v1.Eviction': '1:metadata 2:deleteOptions',
  'io.k8s.api.authentication.v1.TokenRequest': '1:metadata 2:spec 3:status',
  'io.k8s.api.authentication.v1.TokenRequestSpec': '1:audiences 3:boundObjectRef 4:expirationSeconds?',
  'io.k8s.api.authentication.v1.BoundObjectReference': '1:kind 2:apiVersion 3:name 4:uid',
}
