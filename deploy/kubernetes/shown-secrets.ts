/** Secrets that a deployment would show to whoever may read a ConfigMap or a manifest. */
import { parseDocument } from 'yaml';
import { isSecretSetting, isUrlWithPassword, plainSecrets } from '../../project/settings/secret-settings.ts';
import { deployError } from './errors.ts';
import type { SidecarValues } from './manifest.ts';

/**
 * @param settings      the text of plumbline.yaml; text that is no YAML holds no setting
 * @param environments  variables by what the values call them
 * @throws DEP_SECRET with one line each
 */
export function refuseSecrets(
  settings: string,
  environments: Readonly<Record<string, SidecarValues['env']>>,
): void {
  const file: unknown = parseDocument(settings).toJS();
  const inSettings = plainSecrets(typeof file === 'object' && file !== null ? file : {}).map(
    ({ setting, what, instead }) => `${setting}: ${what} in plumbline.yaml. Give ${instead}`,
  );
  const inEnvironment = Object.entries(environments).flatMap(([where, env]) =>
    Object.entries(env)
      .filter(([name, value]) => value !== null && isSecret(name, value))
      .map(([name]) => `${where}.${name}: a secret. Make ${name} a key of a Secret`),
  );
  const found = [...inSettings, ...inEnvironment];
  if (found.length === 0) return;
  const what = 'whoever reads the ConfigMap or the manifests would read these secrets';
  const how = 'A Secret named in `secrets` gives its keys as variables.';
  throw deployError('DEP_SECRET', `${what}:\n  ${found.join('\n  ')}\n${how}`);
}

function isSecret(variable: string, value: string): boolean {
  const last = variable.toLowerCase().split('_').at(-1)!;
  return isSecretSetting(last) || isUrlWithPassword(value);
}
