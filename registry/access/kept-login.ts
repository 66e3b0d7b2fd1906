/**
 * The logins that `plumb login` keeps for the commands after it: one file of the user's own, of mode 0600, with a
 * login for each provider and client. A login that is about to end is renewed by whichever command comes first.
 */
import { rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { registryError } from '../../contract/errors.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { FileLock } from '../../contract/std/files/file-lock.ts';
import { makePrivateFile } from '../../contract/std/files/private-file.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import type { AccessSettings } from '../../project/settings/access-settings.ts';
import type { OidcSettings } from '../../project/settings/oidc-settings.ts';
import type { KeptLogin } from './device-login.ts';

type KeptLogins = Readonly<Record<string, KeptLogin>>;

const OTHERS = 0o077;
/** A login that ends so soon is renewed before it is sent. */
const SOON_US = 60_000_000;
const LOCK_TRIES = 300;
const LOCK_EVERY_MS = 50;

function loginFile(): string {
  const config = process.env['XDG_CONFIG_HOME'] ?? '';
  return join(config === '' ? join(homedir(), '.config') : config, 'plumbline', 'logins.json');
}

function keyOf({ issuer, commandClientId }: OidcSettings): string {
  return `${issuer} ${commandClientId}`;
}

/** @returns the file that it is in */
export async function keepLogin(oidc: OidcSettings, login: KeptLogin): Promise<string> {
  return locked(() => {
    const file = loginFile();
    writeLogins(file, { ...readLogins(file), [keyOf(oidc)]: login });
    return file;
  });
}

/** @returns whether there was one */
export async function forgetLogin(oidc: OidcSettings): Promise<KeptLogin | null> {
  return locked(() => {
    const file = loginFile();
    const { [keyOf(oidc)]: gone, ...others } = readLogins(file);
    if (gone === undefined) return null;
    if (Object.keys(others).length > 0) writeLogins(file, others);
    else rmSync(file, { force: true });
    return gone;
  });
}

/**
 * @returns the token to send, renewed where it ends soon; null: nobody has logged in
 * @throws  REG_LOGIN where it has ended and cannot be renewed; REG_ISSUER
 */
export async function loginToken(
  oidc: OidcSettings,
  access: AccessSettings,
  nowUs: () => number,
): Promise<string | null> {
  const isGood = ({ endsUs }: KeptLogin): boolean => endsUs > nowUs() + SOON_US;
  const kept = readLogins(loginFile())[keyOf(oidc)];
  if (kept === undefined) return null;
  if (isGood(kept)) return kept.token;
  return locked(async () => {
    // Another command may have come first; a refresh token is mostly good once.
    const file = loginFile();
    const all = readLogins(file);
    const now = all[keyOf(oidc)];
    if (now === undefined) return null;
    if (isGood(now)) return now.token;
    if (now.refreshToken === null) throw registryError('REG_LOGIN', 'the login has ended', { help: AGAIN });
    const { renewedLogin } = await import('./device-login.ts');
    const renewed = await renewedLogin(oidc, access, now.refreshToken, nowUs);
    writeLogins(file, { ...all, [keyOf(oidc)]: renewed });
    return renewed.token;
  });
}

const AGAIN = 'Run `plumb login` again.';

function readLogins(file: string): KeptLogins {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return {};
  if ((stat.mode & OTHERS) !== 0) {
    const octal = (stat.mode & 0o777).toString(8).padStart(4, '0');
    throw fault(file, `has mode ${octal}, so that others may read it; chmod 0600 it`);
  }
  try {
    const all = JSON.parse(readRegularText(file)) as unknown;
    if (typeof all === 'object' && all !== null && !Array.isArray(all)) return all as KeptLogins;
  } catch (error) {
    throw fault(file, `cannot be read: ${(error as Error).message}`, error);
  }
  throw fault(file, 'holds no logins');
}

function writeLogins(file: string, all: KeptLogins): void {
  try {
    writeDurably(file, `${JSON.stringify(all, null, 2)}\n`, 0o600);
  } catch (error) {
    throw fault(file, `cannot be written: ${(error as Error).message}`, error);
  }
}

function fault(file: string, why: string, cause?: unknown): Error {
  const help = 'Take the file away, then run `plumb login`; or set PLUMB_TOKEN.';
  return registryError('REG_LOGIN', `${file} ${why}`, { file, help }, cause);
}

/** One command at a time changes the file. */
async function locked<T>(work: () => T | Promise<T>): Promise<T> {
  const file = `${loginFile()}.lock`;
  let lock: FileLock | null = null;
  try {
    makePrivateFile(file);
    for (let tries = 0; lock === null && tries < LOCK_TRIES; tries++) {
      lock = FileLock.tryTake(file);
      if (lock === null) await sleep(LOCK_EVERY_MS);
    }
  } catch (error) {
    throw fault(file, `cannot be locked: ${(error as Error).message}`, error);
  }
  if (lock === null) throw fault(file, 'is held by another command, which renews a login');
  try {
    return await work();
  } finally {
    lock.release();
  }
}
