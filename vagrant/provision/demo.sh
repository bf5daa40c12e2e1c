#!/usr/bin/env bash
# Shows that the cluster works: a Deployment over the nodes, its ClusterIP asked from a pod on each. Usage: demo.sh NODES
set -euo pipefail
export KUBECONFIG=/etc/fairlead/admin.kubeconfig

await() { # WHAT SECONDS COMMAND...
  local end=$((SECONDS + $2))
  until "${@:3}"; do
    ((SECONDS < end)) || { echo "demo: $1 did not happen within $2 s" >&2; exit 1; }
    sleep 2
  done
}
all_ready() { [ "$(fairlead get nodes --no-headers | grep -cw Ready)" -ge "$nodes" ]; }

nodes=$1
# Seconds. An emulated machine takes minutes to load the images alone.
patience=1800
await "$nodes nodes Ready" "$patience" all_ready
fairlead get nodes -o wide

fairlead apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: { name: demo }
spec:
  replicas: $nodes
  selector: { matchLabels: { app: demo } }
  template:
    metadata: { labels: { app: demo } }
    spec:
      terminationGracePeriodSeconds: 1
      # Halt a machine, and see its pod start elsewhere: half a minute after the node is found unreachable.
      tolerations:
        - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30 }
        - { key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 30 }
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector: { matchLabels: { app: demo } }
      containers:
        - name: web
          image: fairlead/demo:1
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'mkdir -p /www; echo "\$POD on \$NODE" > /www/index.html; exec httpd -f -p 8080 -h /www']
          ports: [{ containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 2 }
          env:
            - { name: POD, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
---
apiVersion: v1
kind: Service
metadata: { name: demo }
spec:
  selector: { app: demo }
  ports: [{ port: 80, targetPort: 8080 }]
YAML
fairlead rollout status deployment/demo --timeout "${patience}s"

read -r _ _ address _ < <(fairlead get service demo --no-headers)
for pod in $(fairlead get pods -l app=demo -o name); do
  answer() { text=$(fairlead exec "${pod#pod/}" -- curl -s --max-time 10 "http://$address/"); }
  await "an answer of $address to ${pod#pod/}" 300 answer
  echo "demo: ${pod#pod/} asked http://$address/ and was answered by $text"
done
