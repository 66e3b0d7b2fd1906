/** Which settings are secrets: `plumb config show` and messages about mistakes give their names, never their values. */
import { withoutPassword } from '../../contract/std/secret-text.ts';

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

interface PlainSecret {
  /** Path of the setting, such as `log.kafka.sasl.password`. */
  readonly setting: string;
  /** The beginning of a sentence: what stands there. */
  readonly what: string;
  /** What to give in its place. */
  readonly instead: string;
}

/** @param file  plumbline.yaml as it was written; @returns the secrets that stand in it themselves */
export function plainSecrets(file: object): PlainSecret[] {
  const secrets: PlainSecret[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    if (typeof value === 'object' && value !== null)
      for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name]);
    if (typeof value !== 'string') return;
    const setting = path.join('.');
    const own = path.at(-1)!;
    if (/(File|Env|^id|^kind|^name)$/.test(own)) return;
    const variable = `PLUMB_${setting
      .replace(/[A-Z]/g, (c) => `_${c}`)
      .replaceAll('.', '_')
      .toUpperCase()}`;
    const byName = path.includes('alerts')
      ? `${own}File or ${own}Env`
      : `${own}File, or ${variable} in the environment`;
    if (holdsSecret(path)) secrets.push({ setting, what: 'a secret stands', instead: byName });
    else if (isUrlWithPassword(value)) {
      const instead = `the URL as ${variable} in the environment`;
      secrets.push({ setting, what: 'a URL with a password stands', instead });
    }
  };
  visit(file, []);
  return secrets;
}

/** Unlike what is hidden of a URL when it is printed, a user alone is no password. */
export function isUrlWithPassword(value: string): boolean {
  const url = value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^:@/?#]*@(?=[^@]*$)/i, '$1');
  return withoutPassword(url) !== url;
}
