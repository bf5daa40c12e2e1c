// The command line as a whole: global flags, verbs, help.

import { Command } from 'commander'
import { addApply } from './commands/apply.ts'
import { addCreate } from './commands/create.ts'
import { addDelete } from './commands/delete.ts'
import { addDescribe } from './commands/describe.ts'
import { addExec } from './commands/exec.ts'
import { addGet } from './commands/get.ts'
import { addLogs } from './commands/logs.ts'
import { addNet } from './commands/net.ts'
import { addPortForward } from './commands/port-forward.ts'
import { addRollout } from './commands/rollout.ts'
import { addScale } from './commands/scale.ts'

const examples = `
Examples:
  fairlead get pods -o wide                      pods of the namespace, and where they run
  fairlead get deploy,svc -A                     of all namespaces
  fairlead apply -f web.yaml                     make it so
  fairlead rollout status deploy/web             wait until it is so
  fairlead logs -f deploy/web                    what one of its pods writes
  fairlead exec -it web-5d8f7 -- sh              a shell in a pod
  fairlead port-forward svc/web 8080:80          the service on this machine
  fairlead net trace pod/a svc/web               every hop of a packet, and where it ends
  fairlead describe node node-1                  a node, its pods and its events

The cluster comes from --kubeconfig, KUBECONFIG or ~/.kube/config.`

/** Every verb, ready to parse arguments. */
export function makeProgram(): Command {
  const program = new Command('fairlead')
    .description('Look at and change a cluster that speaks the Kubernetes API')
    .option('--kubeconfig <file>', 'where the cluster is and who you are')
    .option('--context <name>', 'one of the contexts of the kubeconfig')
    .option('-n, --namespace <name>', 'the namespace to work in')
    .addHelpText('after', examples)
    .showHelpAfterError('See fairlead --help')
  for (const add of [addGet, addDescribe, addApply, addCreate, addDelete, addLogs, addExec, addScale, addRollout])
    add(program)
  addPortForward(program)
  addNet(program)
  return program
}
