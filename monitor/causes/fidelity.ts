/**
 * "Is it that row?": which row of the history the values of a served row are. Asked of every row that was given out,
 * whether its values match the replay or not: a right value in a wrong row is a failed row.
 *
 * Values are compared bit for bit as they are stored: before fallbacks and before a surface converts them. Which
 * definition wrote the history's row is not asked. Pure, and a slow scan on purpose: anyone can check it against the
 * table of docs/monitor.md, and what an engine decides by joins is held against it.
 */
import { compareCanonical } from '../../contract/as-of.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { isAfter, isOfTimes } from './row-order.ts';
import type { RowTimes } from './row-order.ts';
import { isBlank } from './stored-value.ts';
import { isSame } from './value-equality.ts';

/** In the order of the questions: the first that holds is the answer. Named as in the snapshot. */
export const FIDELITY_ANSWERS = [
  'true',
  'restamped',
  'foreign',
  'altered',
  'notKept',
  'missingInHistory',
  'unknown',
] as const;
export type FidelityAnswer = (typeof FIDELITY_ANSWERS)[number];

/** A row of the history. */
export interface HeldRow extends RowTimes {
  /** A tombstone: from here on the entity has no row. Its values are none. */
  readonly deleted?: boolean;
  /** In the order of `FidelityFacts.features`. */
  readonly values: readonly Value[];
}

export interface OthersRow extends HeldRow {
  readonly entity: string;
}

export interface FidelityFacts {
  readonly kind: FeatureView['kind'];
  readonly features: readonly { readonly type: ValueType; readonly fallback: Value }[];
  /** The served row. An undefined value is not compared: its definition lacks it, or the log does not hold it. */
  readonly served: RowTimes & { readonly values: readonly (Value | undefined)[] };
  /** The entity's rows. Enough are those of the served event, those with the served values, and the last tombstone. */
  readonly own: readonly HeldRow[];
  /** Whether the history has any row of the entity but tombstones. */
  readonly isKnown: boolean;
  /** Rows of other entities. Enough with the served values are two of the served times, and two of the served event. */
  readonly others: readonly OthersRow[];
  /** Whether the served row may be one of a stream's process that died before it was history: another made it again. */
  readonly isRemade?: boolean;
  /** The history keeps no row of an event time before this; null: it keeps all. */
  readonly keptFromUs: number | null;
}

export type Fidelity =
  /** `isDuplicated`: another row of these times has other values. */
  | { readonly answer: 'true'; readonly isDuplicated: boolean }
  /** `row`: the times that stand for the served ones. */
  | { readonly answer: 'restamped'; readonly row: RowTimes; readonly isDuplicated: boolean }
  /** `createdUs`: of the other entity's row, where it is not the served one. */
  | { readonly answer: 'foreign'; readonly entity: string; readonly createdUs?: number | null }
  /** `row`: what the history holds of these times. */
  | { readonly answer: 'altered'; readonly row: HeldRow }
  | { readonly answer: 'notKept'; readonly why: NotKept }
  | { readonly answer: 'missingInHistory' }
  /** The row of another entity, which is not known. */
  | { readonly answer: 'unknown' };

/**
 * A tombstone followed; the event lies before what is kept; the source holds it only as it was written later; a process
 * of a stream died before the row was history, and another made the rows of that time again.
 */
type NotKept = 'tombstone' | 'older' | 'replaced' | 'remade';

export function fidelity(facts: FidelityFacts): Fidelity {
  const { served } = facts;
  const rows = facts.own.filter((row) => row.deleted !== true);
  const ofTimes = rows.filter((row) => isOfTimes(row, served));
  const isOther = (row: HeldRow): boolean => isOtherThan(facts, row);
  if (!ofTimes.every(isOther)) return { answer: 'true', isDuplicated: ofTimes.some(isOther) };
  const restamped = restampedRow(facts, rows);
  if (restamped !== null) {
    const isDuplicated = rows.some((row) => isOfTimes(row, restamped) && isOther(row));
    return { answer: 'restamped', row: restamped, isDuplicated };
  }
  if (facts.isRemade === true && ofTimes.length === 0) return { answer: 'notKept', why: 'remade' };
  const entity = foreignEntity(facts, ofTimes);
  if (entity !== null) return { answer: 'foreign', entity };
  if (ofTimes.length > 0) return { answer: 'altered', row: nearestOf(ofTimes, facts) };
  const why = notKept(facts, rows);
  if (why !== null) return { answer: 'notKept', why };
  if (!facts.isKnown) return { answer: 'missingInHistory' };
  const isOfServedEvent = ({ eventUs }: RowTimes): boolean => eventUs === served.eventUs;
  const holder = tellingValues(facts) < 2 ? null : soleHolder(facts, isOfServedEvent);
  if (holder === null) return { answer: 'unknown' };
  return { answer: 'foreign', entity: holder.entity, createdUs: holder.createdUs };
}

/** Whether the entity has a row of the served event with the served values: no other row can change the answer then. */
export function isOfEvent(facts: FidelityFacts): boolean {
  return facts.own.some(
    (row) => row.deleted !== true && row.eventUs === facts.served.eventUs && !isOtherThan(facts, row),
  );
}

/** Whether one of these is of the served times. */
export function isOfServedTimes(facts: FidelityFacts): boolean {
  return facts.own.some(
    (row) => row.deleted !== true && isOfTimes(row, facts.served) && !isOtherThan(facts, row),
  );
}

/** Whether a row that was given out is one of the entity's own, as the history holds it. */
export function isFaithful({ answer }: Fidelity): boolean {
  return answer === 'true' || answer === 'restamped';
}

/** How many values differ from those served. */
function differences({ features, served }: FidelityFacts, row: HeldRow): number {
  let count = 0;
  for (let i = 0; i < features.length; i++) {
    const value = served.values[i];
    if (value !== undefined && !isSame(features[i]!.type, value, row.values[i]!)) count += 1;
  }
  return count;
}

/** Whether any value differs from those served. */
function isOtherThan({ features, served }: FidelityFacts, row: HeldRow): boolean {
  for (let i = 0; i < features.length; i++) {
    const value = served.values[i];
    if (value !== undefined && !isSame(features[i]!.type, value, row.values[i]!)) return true;
  }
  return false;
}

/** How many of the served values tell one row from another: neither null, NaN, zero, false, empty nor the fallback. */
function tellingValues({ features, served }: FidelityFacts): number {
  let count = 0;
  for (let i = 0; i < features.length; i++) {
    const { type, fallback } = features[i]!;
    const value = served.values[i];
    if (value !== undefined && !isBlank(type, value) && !isSame(type, value, fallback)) count += 1;
  }
  return count;
}

/**
 * The row with the served values under other times: at the same event, or at another one if the values are telling. Of
 * several the nearest in event time, then in created time; of two as near the earlier.
 */
function restampedRow(facts: FidelityFacts, rows: readonly HeldRow[]): RowTimes | null {
  const { served } = facts;
  const own = rows.filter(
    (row) => !isOtherThan(facts, row) && (row.eventUs === served.eventUs || tellingValues(facts) >= 2),
  );
  if (own.length === 0) return null;
  const distance = ({ eventUs, createdUs }: RowTimes): readonly number[] => [
    Math.abs(eventUs - served.eventUs),
    eventUs,
    Math.abs((createdUs ?? 0) - (served.createdUs ?? 0)),
    createdUs ?? 0,
  ];
  const [nearest] = own.toSorted((a, b) => firstDifference(distance(a), distance(b)));
  return { eventUs: nearest!.eventUs, createdUs: nearest!.createdUs };
}

function firstDifference(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((item, i) => item !== b[i]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

/** @returns the one other entity that has these values and times; null: none, or several have */
function foreignEntity(facts: FidelityFacts, ofTimes: readonly HeldRow[]): string | null {
  if (facts.others.length === 0) return null;
  const holder = soleHolder(facts, (row) => isOfTimes(row, facts.served));
  return holder === null || ofTimes.some((row) => differences(facts, row) < 2) ? null : holder.entity;
}

/** @returns a row of the one other entity that has these values in such a row; null: none, or several have */
function soleHolder(facts: FidelityFacts, isSuch: (row: RowTimes) => boolean): OthersRow | null {
  const holders = facts.others.filter(
    (row) => row.deleted !== true && isSuch(row) && !isOtherThan(facts, row),
  );
  return new Set(holders.map(({ entity }) => entity)).size === 1 ? holders[0]! : null;
}

function notKept({ kind, own, served, keptFromUs }: FidelityFacts, rows: readonly HeldRow[]): NotKept | null {
  const isGone = (row: HeldRow): boolean =>
    row.deleted === true && (isAfter(row, served) || isOfTimes(row, served));
  if (own.some(isGone)) return 'tombstone';
  if (keptFromUs !== null && served.eventUs < keptFromUs) return 'older';
  const ofEvent = rows.filter((row) => row.eventUs === served.eventUs);
  const isReplaced = ofEvent.length > 0 && ofEvent.every((row) => isAfter(row, served));
  return kind === 'stored' && isReplaced ? 'replaced' : null;
}

/** Of rows with the same times the one that differs least; of these the one that the as-of rule takes. */
function nearestOf(rows: readonly HeldRow[], facts: FidelityFacts): HeldRow {
  if (rows.length === 1) return rows[0]!;
  return rows.reduce((best, row) => {
    const fewer = differences(facts, best) - differences(facts, row);
    return fewer > 0 || (fewer === 0 && isLast(row, best, facts)) ? row : best;
  });
}

/** Whether `a` comes after `b` in the canonical order of all values. */
function isLast(a: HeldRow, b: HeldRow, { features }: FidelityFacts): boolean {
  for (const [i, { type }] of features.entries()) {
    const order = compareCanonical(type, a.values[i]!, b.values[i]!);
    if (order !== 0) return order > 0;
  }
  return false;
}
