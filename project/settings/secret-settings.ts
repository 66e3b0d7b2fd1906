/** Which settings are secrets: `plumb config show` and messages about mistakes give their names, never their values. */

/** Names of settings, wherever they stand. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'token', 'secret', 'pushUrl', 'heartbeatUrl']);
/** Of a receiver of alerts, whose URL is mostly the secret, what may be shown. */
const SHOWN_OF_RECEIVER: ReadonlySet<string> = new Set(['kind', 'name']);

export function isSecretSetting(name: string): boolean {
  return SECRETS.has(name);
}

/** @param path  of what somebody wrote, right or wrong, such as `monitor`, `alerts`, `0`, `url` */
export function holdsSecret(path: readonly PropertyKey[]): boolean {
  const names = path.map(String);
  if (names.some(isSecretSetting)) return true;
  const [first, second, , of] = names;
  return first === 'monitor' && second === 'alerts' && !SHOWN_OF_RECEIVER.has(of ?? '');
}
