/**
 * What unexplained values look like: a shape that leads from the history's value to the served one in most rows. Never
 * a proof: it is where somebody begins to look. Pure.
 *
 * A shape is shown where it fits half of at least 20 rows whose candidates all differ, and five times as many as of the
 * same rows shuffled, each beside the candidate of another one: values of which there are few fit by chance.
 *
 * Of a feature of few different values all rows are asked. Shuffled they fit often, so that it is the misfits that are
 * held against each other: a fifth of the shuffled ones at most. And the shape has to fit three different values, each
 * in most of two or more rows: what is mostly one value fits by chance as often as not.
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
  /** How many rows were asked: with candidates that all differ or, where too few do, all that have one. */
  readonly rows: number;
  /** Of these rows, and of the same rows shuffled, the share that fits. */
  readonly share: number;
  readonly shuffled: number;
}

export const LEAST_ROWS = 20;
const LEAST_SHARE = 0.5;
const BESIDE_SHUFFLED = 5;
/** Of a feature of few values so many different ones have to fit, each in most of so many rows. */
const LEAST_FITTING = 3;
const LEAST_ALIKE = 2;
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
    const shown = own.flatMap((shape) => shownLike(values, shape) ?? []);
    return shown.toSorted(byShare).slice(0, 1);
  });
  if (whole !== null && whole.rows >= LEAST_ROWS && isShown(whole)) best.push(whole);
  return best.toSorted(byShare).slice(0, MOST_SHAPES);
}

const byShare = (a: LooksLike, b: LooksLike): number => b.share - a.share;

function isShown({ share, shuffled }: LooksLike): boolean {
  return share >= LEAST_SHARE && share >= BESIDE_SHUFFLED * shuffled;
}

/** A row that has a candidate. */
interface AskedRow {
  readonly served: Value;
  readonly candidate: Value;
}

/** @returns null for too few rows, or where it is not shown */
function shownLike(values: readonly UnexplainedValue[], shape: Shape): LooksLike | null {
  const rows = values.flatMap(({ served }, i): AskedRow[] => {
    const candidate = shape.candidates[i];
    return candidate === undefined || candidate === UNKNOWN_VALUE ? [] : [{ served, candidate }];
  });
  if (rows.length < LEAST_ROWS) return null;
  const alike = [
    ...Map.groupBy(rows, ({ candidate }) => JSON.stringify(valueToJson(shape.type, candidate))).values(),
  ];
  if (alike.length >= LEAST_ROWS) {
    const different = alike.map(([first]) => first!);
    const like = likeOf(different, shape);
    return isShown(like) ? like : null;
  }
  const like = likeOf(rows, shape);
  return isShownOfFew(like, alike, shape) ? like : null;
}

function isShownOfFew(
  { share, shuffled }: LooksLike,
  alike: readonly (readonly AskedRow[])[],
  shape: Shape,
): boolean {
  const fitting = alike.filter((own) => own.length >= LEAST_ALIKE && fittingOf(own, shape) > own.length / 2);
  return fitting.length >= LEAST_FITTING && 1 - share <= (1 - shuffled) / BESIDE_SHUFFLED;
}

function likeOf(rows: readonly AskedRow[], shape: Shape): LooksLike {
  const count = rows.length;
  const step = Math.max(1, Math.floor(count / (SHUFFLES + 1)));
  const ways = Array.from({ length: Math.min(SHUFFLES, count - 1) }, (_, i) => (i + 1) * step);
  const shuffled = ways.reduce((sum, by) => sum + fittingOf(rows, shape, by), 0) / ways.length / count;
  return { shape: shape.name, rows: count, share: fittingOf(rows, shape) / count, shuffled };
}

/** @param by  each row is held against the candidate of the one that comes so many places later */
function fittingOf(rows: readonly AskedRow[], shape: Shape, by = 0): number {
  return rows.filter(({ served }, i) => shape.fits(served, rows[(i + by) % rows.length]!.candidate)).length;
}
