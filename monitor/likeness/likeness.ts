/**
 * What unexplained values look like: a shape that leads from the history's value to the served one in most rows. Never
 * a proof: it is where somebody begins to look. Pure.
 *
 * A shape is shown where it fits half of at least 20 rows whose candidates all differ, and five times as many as of the
 * same rows shuffled, each beside the candidate of another one: values of which there are few fit by chance.
 */
import type { Value, ValueType } from '../../contract/value-type.ts';
import { valueToJson } from '../../contract/wire/online/json-value.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';

/** One altered value without a cause; each of another row of the history. */
export interface UnexplainedValue {
  readonly served: Value;
  /** What the history holds in its place. */
  readonly held: Value;
}

/** A way from rows to values that may have been served; the candidates stand by the rows. */
export interface Shape {
  /** What the served value is then, as in "looks like ...". */
  readonly name: string;
  /** Of the shapes of one kind the one that fits best is shown. */
  readonly kind: 'time' | 'ratio' | 'shift' | 'rounding' | 'text' | 'feature';
  /** Of the candidates. */
  readonly type: ValueType;
  /** undefined: the row has none, and says nothing. */
  readonly candidates: readonly (Value | undefined)[];
  fits(served: Value, candidate: Value): boolean;
}

export interface LooksLike {
  readonly shape: string;
  /** How many rows with candidates that differ from each other were asked. */
  readonly rows: number;
  /** Of these rows, and of the same rows shuffled, the share that fits. */
  readonly share: number;
  readonly shuffled: number;
}

export const LEAST_ROWS = 20;
const LEAST_SHARE = 0.5;
const BESIDE_SHUFFLED = 5;
const MOST_SHAPES = 3;
const SHUFFLES = 16;

/**
 * @param whole  what was found of whole rows (whole-rows.ts); null: they were not asked
 * @returns      the shapes that are shown, the one that fits most first
 */
export function likenessOf(
  values: readonly UnexplainedValue[],
  shapes: readonly Shape[],
  whole: LooksLike | null = null,
): LooksLike[] {
  const best = [...Map.groupBy(shapes, ({ kind }) => kind).values()].flatMap((own) => {
    const shown = own.flatMap((shape) => shareOf(values, shape) ?? []).filter(isShown);
    return shown.toSorted(byShare).slice(0, 1);
  });
  if (whole !== null && whole.rows >= LEAST_ROWS && isShown(whole)) best.push(whole);
  return best.toSorted(byShare).slice(0, MOST_SHAPES);
}

const byShare = (a: LooksLike, b: LooksLike): number => b.share - a.share;

function isShown({ share, shuffled }: LooksLike): boolean {
  return share >= LEAST_SHARE && share >= BESIDE_SHUFFLED * shuffled;
}

/** @returns null for too few rows */
function shareOf(values: readonly UnexplainedValue[], shape: Shape): LooksLike | null {
  const seen = new Map<string, { readonly served: Value; readonly candidate: Value }>();
  for (const [i, { served }] of values.entries()) {
    const candidate = shape.candidates[i];
    if (candidate === undefined || candidate === UNKNOWN_VALUE) continue;
    const name = JSON.stringify(valueToJson(shape.type, candidate));
    if (!seen.has(name)) seen.set(name, { served, candidate });
  }
  const rows = [...seen.values()];
  const count = rows.length;
  if (count < LEAST_ROWS) return null;
  const fitting = (by: number): number =>
    rows.filter(({ served }, i) => shape.fits(served, rows[(i + by) % count]!.candidate)).length / count;
  const step = Math.max(1, Math.floor(count / (SHUFFLES + 1)));
  const ways = Array.from({ length: Math.min(SHUFFLES, count - 1) }, (_, i) => (i + 1) * step);
  const shuffled = ways.reduce((sum, by) => sum + fitting(by), 0) / ways.length;
  return { shape: shape.name, rows: count, share: fitting(0), shuffled };
}
