/**
 * Which events of an entity were counted. An event and its deletion come to nothing, whichever of them comes first,
 * and what comes twice counts once: as in batch (../../history/stream-events.ts), whatever the order. Of an event time
 * it is remembered, for as long as an event of that time may come:
 *
 *   i{id}      that the event of this id came in (1), its deletion did (2), or both (3)
 *   v{values}  of changes, and of events without an id that may be taken back: how many of these values came in, less
 *              how many were taken back. Below 0: deletions whose event has yet to come
 */
import { hash } from 'node:crypto';
import type { TileEvent } from '../../../contract/aggregation/tile.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { hasChanges, takesBack } from '../../../contract/stream-source.ts';
import type { TileStore } from '../state/tile-store.ts';
import { GONE, IDLE } from '../stream-counts.ts';
import type { ReceivedEvent } from '../stream-event.ts';

/** What is remembered of an event time, and the state does not have. */
interface UnsavedEvent {
  readonly eventUs: number;
  readonly key: string;
  count: number;
}

/** An entity, as whoever has its tiles knows it. */
export interface EventOwner {
  readonly entity: string;
  /** Its number in the state. */
  readonly id: number;
  isNamed: boolean;
  /** By `{event time} {key}`; null: none. */
  unsavedEvents: Map<string, UnsavedEvent> | null;
}

/** Events of an entity that are equal to each other. */
export interface EqualEvents {
  /** What they have in common. */
  readonly key: string;
  /** How many of them counted and were not taken back. */
  readonly left: number;
}

/** What an event that a view would count comes to, by those before it. */
type Turn =
  | { readonly kind: 'counts' }
  | { readonly kind: 'twice' }
  | { readonly kind: 'refused'; readonly reason: typeof IDLE | typeof GONE };

const COUNTS: Turn = { kind: 'counts' };
const TWICE: Turn = { kind: 'twice' };
const IS_IDLE: Turn = { kind: 'refused', reason: IDLE };
const IS_GONE: Turn = { kind: 'refused', reason: GONE };

const [IN, OUT] = [1, 2];
/** Longer ones are told apart by their hash. */
const KEY_LENGTH = 24;

type Values = TileEvent['values'];

export class CountedEvents {
  readonly #plan: TilePlan;
  readonly #store: TileStore;
  readonly #canBack: boolean;
  readonly #hasChanges: boolean;
  readonly #unsaved = new Set<EventOwner>();

  constructor(plan: TilePlan, store: TileStore) {
    const stream = plan.view.source.stream!;
    this.#plan = plan;
    this.#store = store;
    this.#canBack = takesBack(stream);
    this.#hasChanges = hasChanges(stream);
  }

  /** Says what an event comes to, and remembers it. @param values  of the plan's columns */
  turn(owner: EventOwner, { eventUs, id, op }: ReceivedEvent, values: Values): Turn {
    if (id !== null) {
      const key = `i${id}`;
      const known = this.#known(owner, eventUs, key);
      const own = op === 1 ? IN : OUT;
      if ((known & own) !== 0) return TWICE;
      this.#remember(owner, { eventUs, key, count: known | own });
      if (!this.#hasChanges) return (known === 0) === (op === 1) ? COUNTS : op === 1 ? IS_GONE : IS_IDLE;
    }
    if (!this.#canBack) return COUNTS;
    const key = this.#valuesKey(values);
    const count = this.#known(owner, eventUs, key) + op;
    this.#remember(owner, { eventUs, key, count });
    if (op === 1) return count > 0 ? COUNTS : IS_GONE;
    return count >= 0 ? COUNTS : IS_IDLE;
  }

  equals(owner: EventOwner, { eventUs, id }: ReceivedEvent, values: Values): EqualEvents {
    const byId = id !== null && !this.#hasChanges;
    const key = byId ? `i${id}` : this.#valuesKey(values);
    const known = this.#known(owner, eventUs, key);
    return { key: `${eventUs} ${key}`, left: byId ? Number(known === IN) : Math.max(0, known) };
  }

  #known(owner: EventOwner, eventUs: number, key: string): number {
    const unsaved = owner.unsavedEvents?.get(`${eventUs} ${key}`);
    return unsaved === undefined ? this.#store.eventCount(owner.id, eventUs, key) : unsaved.count;
  }

  #remember(owner: EventOwner, event: UnsavedEvent): void {
    owner.unsavedEvents ??= new Map();
    owner.unsavedEvents.set(`${event.eventUs} ${event.key}`, event);
    this.#unsaved.add(owner);
  }

  /** Of a column of which it only matters whether it is null, that. */
  #valuesKey(values: Values): string {
    const plain = values.map((value, i) => {
      if (value === null) return null;
      return this.#plan.columns[i]!.countedOnly ? 1 : typeof value === 'bigint' ? `${value}` : value;
    });
    const text = JSON.stringify(plain);
    return `v${text.length > KEY_LENGTH ? hash('md5', text, 'base64url') : text}`;
  }

  /** Writes what is new to the state; to be called within its transaction. */
  save(): void {
    for (const owner of this.#unsaved) {
      for (const { eventUs, key, count } of owner.unsavedEvents!.values())
        this.#store.putEvent(owner, { eventUs, key, count });
      owner.unsavedEvents = null;
    }
    this.#unsaved.clear();
  }
}
