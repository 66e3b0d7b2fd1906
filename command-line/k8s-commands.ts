/** The commands that make manifests of Kubernetes. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Add } from './add-command.ts';

const kubernetes = () => import('../deploy/kubernetes/k8s-commands.ts');
/** Of an option that may be repeated. */
const list = (value: string, before: string[] = []): string[] => [...before, value];

export function k8sCommands(add: Add, k8s: Command): void {
  add(
    'values',
    "this project's values for the charts in deploy/helm",
    async (c) => (await kubernetes()).k8sValues(c),
    k8s,
  );
  add(
    'render',
    'what the charts would give: the programs beside the sidecars, or a model server with its sidecar',
    async (c, o) => (await kubernetes()).k8sRender(c, o),
    k8s,
  )
    .option('--values <file>', "values over the project's (repeatable)", list)
    .option('--into <file>', "a model server's manifests: printed with the sidecar in their pods")
    .addOption(
      new Option('--mode <mode>', 'how the sidecar comes into a pod').choices([
        'native',
        'container',
        'knative',
      ]),
    );
}
