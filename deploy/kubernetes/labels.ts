/** How objects are named and told apart: by the installation, and by what they are of it. */
import type { DeployValues, Manifest } from './manifest.ts';

export type Selector = Readonly<Record<string, string>>;

export function selectorOf({ name }: DeployValues, component: string): Selector {
  return {
    'app.kubernetes.io/name': 'plumbline',
    'app.kubernetes.io/instance': name,
    'app.kubernetes.io/component': component,
  };
}

/** @param more  labels beside those */
export function metadataOf(
  values: DeployValues,
  component: string,
  more: Selector = {},
): Manifest['metadata'] {
  return { name: `${values.name}-${component}`, labels: { ...more, ...selectorOf(values, component) } };
}
