/**
 * What became of the store since the start: whether it was ever read, and if not, why.
 *
 *   waiting --a refusal--> refused --an answer--> read
 *   waiting --an answer--> read                       (and stays there: a later outage is an outage)
 *
 * A refusal (password, permission, certificate) stays until an answer comes, even if a later connection fails in
 * another way: that proves nothing about the password. Called by the readers; readiness and /metrics read `state`.
 */
import { LoginFileError } from '../../project/connections/redis-connection.ts';

export interface StoreState {
  /** waiting: not read yet, and time may help · refused: not read, and time does not help · read: it was read once */
  readonly kind: 'waiting' | 'refused' | 'read';
  /** Why it is not read yet; null: nothing is known, or it was read. */
  readonly reason: string | null;
  /** Of a refusal: whether it is for want of a file of ours, which is read again. */
  readonly lacksFile?: boolean;
  /** Whether it answers, and says that it cannot serve: a cluster without slots, a Redis that loads its data. */
  readonly saysDown: boolean;
  /** Whether it can be asked now. */
  readonly isConnected: boolean;
}

/** Replies and TLS errors that a new try does not change, and files of the login that cannot be read. */
const REFUSING_REPLY =
  /^(WRONGPASS|NOAUTH|NOPERM)\b|invalid (password|username)|without any password configured/i;
const DOWN = /^(CLUSTERDOWN|LOADING|MASTERDOWN)\b|\bsays that it is down\b/;
const REFUSING_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/;

/** What the client library says when it has no connection; it gave the reason in an event before. */
const NO_CONNECTION =
  /^(Stream isn't writeable|Connection is closed|Cluster isn't ready|None of startup nodes|Reached the max retries per request|Failed to refresh slots|Socket closed|Command aborted|Too many Cluster redirections\. Last error: Error: Connection)/;

interface Failure extends NodeJS.ErrnoException {
  /** A cluster's error wraps that of the node asked last. */
  readonly lastNodeError?: Error;
}

export class StoreHealth {
  #kind: StoreState['kind'] = 'waiting';
  /** What the last failure was, until the next answer. */
  #cause: Error | null = null;

  state(isConnected: boolean): StoreState {
    const reason = this.#kind === 'read' ? null : (this.#cause?.message ?? null);
    const saysDown = this.#kind === 'waiting' && reason !== null && DOWN.test(reason);
    const lacksFile = this.#kind === 'refused' && this.#cause instanceof LoginFileError;
    return { kind: this.#kind, reason, saysDown, isConnected, ...(lacksFile && { lacksFile }) };
  }

  get wasRead(): boolean {
    return this.#kind === 'read';
  }

  answered(): void {
    this.#kind = 'read';
    this.#cause = null;
  }

  /** @returns what to tell the operator: where there is no connection, the reason for that, if it is known */
  failed(error: Error): Error {
    const found = (error as Failure).lastNodeError ?? error;
    if (NO_CONNECTION.test(found.message)) {
      if (this.#cause === null) return new Error('there is no connection to it yet', { cause: error });
      return this.#cause;
    }
    if (this.#kind === 'refused' && !isRefusal(found)) return found;
    this.#cause = found;
    if (this.#kind === 'waiting' && isRefusal(found)) this.#kind = 'refused';
    return found;
  }
}

/** Whether waiting does not help: a person has to change the password, a permission or a certificate. */
function isRefusal(error: Error): boolean {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  return (
    REFUSING_REPLY.test(message) ||
    REFUSING_CODE.test(code ?? '') ||
    error instanceof LoginFileError ||
    syscall === 'open'
  );
}
