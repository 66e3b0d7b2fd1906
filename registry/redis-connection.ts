/**
 * A Redis address as its client takes it: login and certificates as they are now. Files are read at each connection,
 * since secrets and certificates are renewed in place. Knows no client library.
 */
import { readFileSync } from 'node:fs';
import { tlsFiles } from './kafka-connection.ts';
import type { TlsFiles } from './kafka-connection.ts';
import type { RedisLogin, RedisTls } from './redis-address.ts';

/** What a server without passwords says to one: the connection is as good as without it. */
export const NEEDLESS_LOGIN = /no password is set|without any password configured/;

/** @throws the file system's error when the file cannot be read */
function passwordOf({ password, passwordFile }: RedisLogin): string | null {
  return passwordFile === null ? password : readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
}

/**
 * What a client asks for at each connection. Of a file that cannot be read what it held last stands: the client would
 * otherwise give up for good. Why the connection is then refused, `trouble` knows better than the server.
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
