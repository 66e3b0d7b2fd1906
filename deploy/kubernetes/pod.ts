/** What the pods of all programs have in common: names, environment, and what they may not do. */

export const SIDECAR_LABEL = 'plumbline-sidecar';
export const ADMIN_PORT_NAME = 'plumb-admin';

/** The user of both images. */
const USER = 1_000;

/** No root, no writing but to volumes, no more rights. */
export const HARDENED = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
  runAsGroup: USER,
  runAsNonRoot: true,
  runAsUser: USER,
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Volumes belong to the user's group, so that it may write to them. */
export const POD_SECURITY = { fsGroup: USER, fsGroupChangePolicy: 'OnRootMismatch' };

/** @returns what a pod has of Secrets to pull images with; nothing where there are none */
export function pulledWith(secrets: readonly string[], own: readonly object[] = []): object {
  const all = [...own, ...secrets.map((name) => ({ name }))];
  return all.length === 0 ? {} : { imagePullSecrets: all };
}

/** @returns in order of the names; null takes a variable away */
export function environmentOf(
  variables: Readonly<Record<string, string | null>>,
): { readonly name: string; readonly value: string }[] {
  return Object.entries(variables)
    .flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
