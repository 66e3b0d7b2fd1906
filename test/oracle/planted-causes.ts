/**
 * Mismatches with known causes, at random: a history of a few entities, one served row, and in it a cause of fidelity,
 * a cause of currency, or one of each. Written from the tables of docs/monitor.md and not from the rules, so that what
 * the rules find can be counted against what was planted.
 *
 *   rows of 10:00, 11:00 and 12:00 --currency--> which of them was served at half past twelve, and what records say
 *   the served row --fidelity--> its values made wrong, or its entity's history taken away
 */
import type { Value } from '../../contract/value-type.ts';
import type { CurrencyCause, FidelityCause } from '../../contract/cause.ts';
import { at } from '../support/day-time.ts';

const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;

/** A count and an amount, as `orders` has them; the fallback of the amount is FALLBACK. */
type Values = readonly [bigint | null, number | null];
export const FALLBACK = -5.5;

export interface PlantedRow {
  readonly eventUs: number;
  readonly createdUs: number | null;
  readonly run: string;
  readonly values: Values;
  /** Whether the earlier definition wrote it. */
  readonly isEarlier?: boolean;
}

interface PlantedRun {
  readonly runId: string;
  readonly kind: 'ordinary' | 'backfill';
  readonly state: 'complete' | 'failed';
  /** The edge, or the cut-off of a stored view's run. */
  readonly toUs: number;
  readonly finishedUs: number;
}

export interface PlantedCase {
  readonly kind: 'stored' | 'aggregated';
  readonly hasCreatedTimes: boolean;
  readonly fidelity: FidelityCause | null;
  readonly currency: CurrencyCause | null;
  readonly delayUs: number;
  readonly ttlUs: number | null;
  readonly own: readonly PlantedRow[];
  /** Rows of other entities, by name. */
  readonly others: readonly (PlantedRow & { readonly entity: string })[];
  /** Rows of the entity by an earlier commit of the history, which its newest one has no more. */
  readonly earlier: readonly PlantedRow[];
  readonly runs: readonly PlantedRun[];
  readonly servedUs: number;
  readonly fetchedUs: number;
  readonly watermarkUs: number;
  readonly source: 'store' | 'cache' | 'stale';
  readonly served: PlantedRow;
  /** What the answer says in place of the amount that was logged; undefined: what was logged. */
  readonly answered: number | undefined;
  /** What the steps of the pod's clock would add to the served time; 0: it was steady. */
  readonly clockUs: number;
  /** Which value is wrong by itself, where not all are. */
  readonly wrongValue: 0 | 1 | null;
}

export const PLANTED_FIDELITY = [
  'answer altered',
  'foreign row',
  'null or default substituted',
  'precision / type',
  'changed in place',
  'missing in history',
  'unexplained',
] as const;

export const PLANTED_CURRENCY = [
  'definition changed',
  'clock skew',
  'cache age',
  'materialization lag',
  'TTL boundary',
  'missing online',
  'late arrival',
  'rewritten history',
  'served ahead',
  'duplicate',
  'not proved',
] as const;

/** The same numbers for each seed, in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Shape {
  readonly kind: PlantedCase['kind'];
  readonly hasCreatedTimes: boolean;
  readonly fidelity: PlantedCase['fidelity'];
  readonly currency: PlantedCase['currency'];
  /** Whether the source was loaded again since: each row has another created time than when it was served. */
  readonly isReloaded: boolean;
  /** Whether all entities have their rows at the same times. */
  readonly isShared: boolean;
}

/** @returns null where the two cannot come together, or not in such a view */
export function plant(shape: Shape, random: () => number): PlantedCase | null {
  if (!canBe(shape)) return null;
  const world = new World(shape, random);
  world.plantCurrency();
  world.plantFidelity();
  return world.case();
}

/** What needs records that such a view has not, or a row that the other cause takes away. */
function canBe({ kind, hasCreatedTimes, fidelity, currency, isReloaded }: Shape): boolean {
  if (kind === 'aggregated' && (!hasCreatedTimes || isReloaded)) return false;
  if (isReloaded && !hasCreatedTimes) return false;
  if (currency === 'definition changed' && kind === 'stored') return false;
  if (currency === 'TTL boundary' && kind === 'aggregated') return false;
  const needsCreated = ['missing online', 'late arrival', 'rewritten history'];
  if (!hasCreatedTimes && currency !== null && needsCreated.includes(currency)) return false;
  // A row that was rewritten or comes twice has no single created time to be loaded again under.
  if (
    isReloaded &&
    (currency === 'rewritten history' || currency === 'duplicate' || currency === 'late arrival')
  )
    return false;
  if (fidelity === null) return true;
  // The history of a stored view is its source, which has no log of commits.
  if (fidelity === 'changed in place' && kind === 'stored') return false;
  // An entity without rows missed none; of a wrong row nobody can say that it is one of two, or that nothing tells.
  if (fidelity === 'missing in history') return currency === null && !isReloaded;
  if (currency === 'duplicate' || currency === 'not proved') return false;
  // A wrong row whose created time the source no longer has is neither true nor false: not kept.
  return !isReloaded || fidelity === 'answer altered';
}

class World {
  readonly #shape: Shape;
  readonly #random: () => number;
  readonly #servedUs: number;
  #own: PlantedRow[];
  #others: (PlantedRow & { entity: string })[] = [];
  readonly #earlier: PlantedRow[] = [];
  #runs: PlantedRun[];
  #served: PlantedRow;
  #fetchedUs: number;
  #watermarkUs: number;
  #source: PlantedCase['source'] = 'store';
  #delayUs = 0;
  #ttlUs: number | null = null;
  #clockUs = 0;
  #answered: number | undefined = undefined;
  #wrongValue: PlantedCase['wrongValue'] = null;

  constructor(shape: Shape, random: () => number) {
    this.#shape = shape;
    this.#random = random;
    this.#servedUs = at('12:30:00') + Math.floor(random() * 20) * MINUTE;
    this.#fetchedUs = this.#servedUs;
    this.#own = ['10', '11', '12'].map((hour) => this.#row(hour));
    this.#runs = ['10', '11', '12'].map((hour) => this.#run(hour, at(`${hour}:00:00`) + 5 * MINUTE));
    this.#served = this.#own[2]!;
    this.#watermarkUs = this.#cutOff('12');
  }

  case(): PlantedCase {
    const { kind, hasCreatedTimes, fidelity, currency, isReloaded } = this.#shape;
    const loaded = <Row extends PlantedRow>(row: Row): Row => {
      if (!hasCreatedTimes) return { ...row, createdUs: null };
      return isReloaded ? { ...row, createdUs: row.createdUs! + 7_000_000 } : row;
    };
    return {
      kind,
      hasCreatedTimes,
      fidelity,
      currency,
      delayUs: this.#delayUs,
      ttlUs: this.#ttlUs,
      own: this.#own.map(loaded),
      others: this.#others.map(loaded),
      earlier: this.#earlier,
      runs: this.#runs,
      servedUs: this.#servedUs,
      fetchedUs: this.#fetchedUs,
      watermarkUs: this.#watermarkUs,
      source: this.#source,
      served: hasCreatedTimes ? this.#served : { ...this.#served, createdUs: null },
      answered: this.#answered,
      clockUs: this.#clockUs,
      wrongValue: this.#wrongValue,
    };
  }

  plantCurrency(): void {
    const [, eleven, twelve] = this.#own as [PlantedRow, PlantedRow, PlantedRow];
    const { kind, currency } = this.#shape;
    switch (currency) {
      case null:
        return;
      case 'definition changed':
        this.#served = { ...twelve, values: this.#values(), isEarlier: true };
        this.#own.push(this.#served);
        return;
      case 'clock skew':
        // The pod's clock was put an hour forward: what it calls half past twelve is half past eleven.
        this.#behind(eleven);
        this.#clockUs = -HOUR;
        return;
      case 'cache age':
        this.#behind(eleven);
        this.#source = this.#pick(['cache', 'cache', 'stale']);
        this.#fetchedUs = this.#servedUs - 4_000_000;
        this.#finish('12', this.#servedUs - 2_000_000);
        return;
      case 'materialization lag':
        this.#behind(eleven);
        this.#lag(twelve);
        return;
      case 'TTL boundary':
        this.#own.pop();
        this.#ttlUs = HOUR;
        this.#served = eleven;
        return;
      case 'missing online':
        this.#served = eleven;
        return;
      case 'late arrival':
        this.#own[2] = { ...twelve, createdUs: at('15:00:00'), run: 'r-15', values: this.#values() };
        this.#runs.push(this.#run('15', at('15:06:00')));
        this.#served = eleven;
        if (kind === 'stored' || this.#random() < 0.5) return;
        this.#own.push(twelve);
        this.#served = twelve;
        return;
      case 'rewritten history':
        this.#own.push({ ...twelve, createdUs: at('15:00:00'), run: 'r-15', values: this.#values() });
        this.#runs.push({
          ...this.#run('15', at('15:06:00')),
          kind: kind === 'stored' ? 'ordinary' : 'backfill',
        });
        return;
      case 'served ahead':
        this.#delayUs = HOUR;
        return;
      case 'duplicate': {
        // The later one in the canonical order, whichever value is compared first.
        const [count, amount] = twelve.values as readonly [bigint, number];
        this.#own[2] = { ...twelve, values: [count + 5n, amount + 5] };
        this.#own.push(twelve);
        this.#served = twelve;
        return;
      }
      default:
        // Nothing but the rows themselves is left to tell.
        this.#served = eleven;
        this.#runs = [];
    }
  }

  /** The run of twelve ends after serving, or failed and another one makes up for it. */
  #lag(twelve: PlantedRow): void {
    if (this.#random() < 0.6) return this.#finish('12', at('13:20:00'));
    this.#runs = this.#runs.map((run) => (run.runId === 'r-12' ? { ...run, state: 'failed' as const } : run));
    this.#runs.push(this.#run('13', at('13:09:00')));
    if (this.#shape.kind === 'aggregated')
      this.#own[2] = { ...twelve, run: 'r-13', createdUs: at('13:00:00') };
  }

  plantFidelity(): void {
    const { fidelity } = this.#shape;
    this.#plantOthers();
    const { values } = this.#served;
    switch (fidelity) {
      case null:
        return;
      case 'answer altered':
        this.#answered = values[1]! + 1;
        this.#wrongValue = 1;
        return;
      case 'missing in history':
        this.#own = [];
        return;
      case 'foreign row':
        return this.#takeForeign();
      case 'changed in place': {
        this.#earlier.push(this.#served);
        this.#hold(1, [values[0], values[1]! * 3 + 1]);
        return this.#serve(1, values);
      }
      case 'unexplained':
        this.#serve(1, [values[0], values[1]! * 3 + 1]);
        return;
      case 'precision / type':
        if (this.#random() < 0.3)
          this.#hold(0, [16_777_217n + BigInt(Math.floor(this.#random() * 9)) * 2n, values[1]]);
        else this.#hold(1, [values[0], 1_000 * (1 + this.#random()) + 0.123_456_789]);
        return this.#serveRounded();
      default:
        return this.#substitute();
    }
  }

  /** Other entities have rows at the same times, or at their own. */
  #plantOthers(): void {
    const apart = this.#shape.isShared ? 0 : 1_000_000;
    for (const [i, entity] of ['other-1', 'other-2', 'other-3'].entries()) {
      for (const row of this.#own.filter(({ isEarlier }) => isEarlier !== true)) {
        const times = { eventUs: row.eventUs, createdUs: row.createdUs! + (i + 1) * apart };
        this.#others.push({ ...row, ...times, entity, values: this.#values() });
      }
    }
  }

  /** The values of another entity's row of the served times; or, at a time when the entity has no row, of nobody's. */
  #takeForeign(): void {
    const { kind, currency } = this.#shape;
    const values = this.#values();
    // Where the served times themselves are the evidence of the other cause, they must be those of a row.
    const isByTimes = ['clock skew', 'TTL boundary', 'rewritten history'].includes(currency ?? '');
    if (kind === 'stored' && !isByTimes && this.#random() < 0.4) {
      this.#served = { ...this.#served, eventUs: this.#served.eventUs + 1_000_000, values };
      return;
    }
    this.#others.push({ ...this.#served, values, entity: 'owner', isEarlier: false });
    this.#served = { ...this.#served, values };
  }

  #substitute(): void {
    const { values } = this.#served;
    const pairs: readonly (readonly [0 | 1, Value, Value])[] = [
      [1, 0, null],
      [1, null, 0],
      [1, null, Number.NaN],
      [1, Number.NaN, null],
      [1, Infinity, null],
      [1, FALLBACK, null],
      [0, 0n, null],
      [0, null, 0n],
    ];
    const [which, served, held] = this.#pick(pairs);
    const withValue = (value: Value): Values =>
      (which === 0 ? [value, values[1]] : [values[0], value]) as unknown as Values;
    this.#hold(which, withValue(held));
    this.#serve(which, withValue(served));
  }

  #serveRounded(): void {
    const [count, amount] = this.#served.values as readonly [bigint, number];
    if (this.#wrongValue === 0) this.#serve(0, [BigInt(Math.fround(Number(count))), amount]);
    else {
      const digits = this.#pick([null, 6, 7, 9]);
      this.#serve(1, [count, digits === null ? Math.fround(amount) : Number(amount.toPrecision(digits))]);
    }
  }

  /** Changes what the history holds of the served row, and with it what was served. */
  #hold(which: 0 | 1, values: Values): void {
    const old = this.#served;
    this.#own = this.#own.map((row) => (row === old ? { ...row, values } : row));
    this.#served = this.#own.find((row) => row.values === values) ?? { ...old, values };
    this.#wrongValue = which;
  }

  #serve(which: 0 | 1, values: Values): void {
    this.#served = { ...this.#served, values };
    this.#wrongValue = which;
  }

  #behind(row: PlantedRow): void {
    this.#served = row;
    this.#watermarkUs = this.#cutOff('11');
  }

  #row(hour: string): PlantedRow {
    const eventUs = at(`${hour}:00:00`);
    const createdUs = eventUs + (this.#shape.kind === 'stored' ? 2 * MINUTE : 0);
    return { eventUs, createdUs, run: `r-${hour}`, values: this.#values() };
  }

  #values(): Values {
    return [BigInt(1_000 + Math.floor(this.#random() * 1e9)), 1 + this.#random() * 1_000];
  }

  #run(hour: string, finishedUs: number): PlantedRun {
    return { runId: `r-${hour}`, kind: 'ordinary', state: 'complete', toUs: this.#cutOff(hour), finishedUs };
  }

  #cutOff(hour: string): number {
    return at(`${hour}:00:00`) + (this.#shape.kind === 'stored' ? 4 * MINUTE : 0);
  }

  #finish(hour: string, finishedUs: number): void {
    this.#runs = this.#runs.map((run) => (run.runId === `r-${hour}` ? { ...run, finishedUs } : run));
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }
}
