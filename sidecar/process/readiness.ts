/**
 * Whether this sidecar should get requests: what /readyz says, and why not.
 *
 *   starting  --bundle loaded, port open-->  open
 *   open      the store was read once             ready, and stays so whatever becomes of the store
 *             it refuses (password, permission,   not ready: waiting does not help
 *             certificate)
 *             a file of the login is missing or   not ready until it is there
 *             empty
 *             it is silent                        not ready for 30 s, then ready and alarmed
 *             it says itself that it is down      an outage like a later one: the same after 5 s
 *   draining  not ready, until the end
 *
 * So a roll-out with a wrong password stops at its first pod, and an outage of the store takes no pod away: clients
 * would get refused connections in place of UNAVAILABLE values. Pure, but for what it is told. Read by
 * readiness-watch.ts.
 */
import type { StoreState } from '../store/store-health.ts';

const SILENT_LIMIT_MS = 30_000;
/** A store that was just started forms its cluster or loads its data for a while. */
const DOWN_LIMIT_MS = 5_000;

export interface ReadyState {
  readonly ready: boolean;
  /** Why, or in spite of what. */
  readonly reason: string;
  /** Whether it is ready although the store was never read. */
  readonly alarmed: boolean;
}

export class Readiness {
  readonly #startedMs: number;
  #phase: 'starting' | 'open' | 'draining' = 'starting';
  #storeWasRead = false;

  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  opened(): void {
    if (this.#phase === 'starting') this.#phase = 'open';
  }

  drains(): void {
    this.#phase = 'draining';
  }

  state(
    { kind, reason, lacksFile, saysDown }: Pick<StoreState, 'kind' | 'reason' | 'lacksFile' | 'saysDown'>,
    nowMs: number,
  ): ReadyState {
    if (kind === 'read') this.#storeWasRead = true;
    if (this.#phase === 'starting') return no('it starts');
    if (this.#phase === 'draining') return no('it stops; requests are still answered');
    if (this.#storeWasRead) return { ready: true, reason: '', alarmed: false };
    const why = reason ?? 'it has not answered';
    if (lacksFile === true) return no(`the online store was not read yet: ${why}`);
    if (kind === 'refused') return no(`the online store refuses, and waiting does not fix it: ${why}`);
    const limitMs = saysDown ? DOWN_LIMIT_MS : SILENT_LIMIT_MS;
    if (nowMs - this.#startedMs < limitMs) return no(`the online store was not read yet: ${why}`);
    return {
      ready: true,
      reason: `the online store was not read in ${limitMs / 1_000} s: ${why}`,
      alarmed: true,
    };
  }
}

function no(reason: string): ReadyState {
  return { ready: false, reason, alarmed: false };
}
