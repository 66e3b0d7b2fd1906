/**
 * A Redis address as its client takes it: login and certificates as they are now. Files are read at each connection,
 * since secrets and certificates are renewed in place. Knows no client library.
 */
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { tlsFiles } from './kafka-connection.ts';
import type { TlsFiles } from './kafka-connection.ts';
import type { RedisLogin, RedisTls } from './redis-address.ts';

/** What a server without passwords answers to a login: the connection works all the same. */
export const NEEDLESS_LOGIN = /no password is set|without any password configured/;

const LOGIN_REFUSED = /^(NOAUTH|WRONGPASS)\b|invalid (password|username)/i;

/** A file of the login that is of no use now, and is read again at the next connection. */
export class LoginFileError extends Error {
  override readonly name = 'LoginFileError';
}

/** @throws LoginFileError when the file cannot be read, or holds no password */
function passwordOf({ password, passwordFile }: RedisLogin): string | null {
  if (passwordFile === null) return password;
  let text: string;
  try {
    text = readRegularText(passwordFile).replace(/\r?\n$/, '');
  } catch (error) {
    throw fileError(passwordFile, `cannot be read (${(error as Error).message})`, error);
  }
  if (text === '') throw fileError(passwordFile, 'is empty');
  if (text.startsWith('\uFEFF'))
    throw fileError(passwordFile, 'begins with a byte order mark, which would be part of the password');
  return text;
}

function fileError(file: string, why: string, cause?: unknown): LoginFileError {
  return new LoginFileError(`the password file ${file} ${why}; it is read again at the next connection`, {
    cause,
  });
}

/**
 * Login and certificates, read again for each connection. When a file cannot be read, what it held last is used: the
 * client would otherwise give up for good. `trouble` then says better than the server why a connection is refused.
 */
export class LiveCredentials {
  readonly #login: RedisLogin;
  readonly #tls: RedisTls | null;
  #password: string | null = null;
  #files: TlsFiles = {};

  #passwordTrouble: Error | null = null;
  #filesTrouble: Error | null = null;

  constructor(login: RedisLogin, tls: RedisTls | null) {
    this.#login = login;
    this.#tls = tls;
  }

  /** Why a file could not be read for the last connection; null: all were. */
  get trouble(): Error | null {
    return this.#passwordTrouble ?? this.#filesTrouble;
  }

  /** @throws what a file cannot be read for, for who does not wait until it can */
  check(): void {
    void [this.password, this.tls];
    if (this.trouble !== null) throw this.trouble;
  }

  /** @returns for a refusal of a login that lacks its file why it does, else the error itself */
  explain(error: Error): Error {
    if (!LOGIN_REFUSED.test(error.message)) return error;
    // The file as it is now: another connection may have read it since.
    void this.password;
    return this.#passwordTrouble ?? error;
  }

  /** Whether a login may be right once its file has changed: then it is worth another connection. */
  mayPass({ message }: Error): boolean {
    return this.#login.passwordFile !== null && message.startsWith('NOAUTH');
  }

  get username(): string | undefined {
    return this.#login.user ?? undefined;
  }

  get password(): string | undefined {
    this.#passwordTrouble = attempt(() => (this.#password = passwordOf(this.#login)));
    return this.#password ?? undefined;
  }

  get tls(): TlsFiles | undefined {
    const tls = this.#tls;
    if (tls === null) return undefined;
    this.#filesTrouble = attempt(() => (this.#files = tlsFiles(tls)));
    return this.#files;
  }
}

function attempt(read: () => void): Error | null {
  try {
    read();
    return null;
  } catch (error) {
    return error as Error;
  }
}
