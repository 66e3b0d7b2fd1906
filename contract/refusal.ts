/** What the guard refuses in a change, and what `apply --allow` let through, as the registry stores both. */
import type { Consumer } from './model.ts';

export interface RemovedConsumer extends Consumer {
  readonly service: string;
  readonly removedUs: number;
}

export interface ChangeRefusal {
  /** What `apply --allow` takes. */
  readonly name: string;
  readonly services: readonly { readonly service: string; readonly consumers: readonly GuardedConsumer[] }[];
}

export interface GuardedConsumer extends Consumer {
  /** When an apply removed this consumer; null: it still consumes. */
  readonly removedUs: number | null;
}

/** A refusal that was allowed, as the registry keeps it. */
export interface Allowed {
  readonly name: string;
  readonly reason: string;
  readonly services: ChangeRefusal['services'];
}
