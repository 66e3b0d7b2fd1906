/**
 * Drift of one feature: the sketch of a day's served values beside a reference, which is the sketch in a training set's
 * manifest, or those of the same weekday of the last weeks together. Pure; day-drift.ts calls it for each feature.
 */
import type { ColumnSketch, Measure, OrderedSketch } from '../../contract/sketch.ts';
import { EMPTY_BIN_SHARE, jensenShannonDistance, populationStability } from '../statistics/binned-shares.ts';
import { chiSquareOf } from '../statistics/chi-square.ts';
import type { DriftJudgement, DriftTest } from '../statistics/drift-level.ts';
import { ksProbability } from '../statistics/ks-probability.ts';
import { shareInterval } from '../statistics/share-interval.ts';
import { categoryDistance, pooledCategories } from './category-shares.ts';
import type { CategoryDistance } from './category-shares.ts';
import { rankShift } from './rank-shift.ts';
import type { RankShift } from './rank-shift.ts';
import { SKETCH_ERROR, pooledSteps, stepDistance, stepsOf } from './sketch-distance.ts';
import type { SpreadOf } from './training-spread.ts';

/** D is known to within 0.001: with more rows on a side the exact p takes its time for nothing. */
const MOST_EXACT = 500;

/** The drift of one feature on one day, as the snapshot holds it. */
export interface FeatureDrift {
  /** Against the newest training set; null: there is none that has the feature with this type. */
  readonly training: FeatureDifference | null;
  /** Against the same weekday of the last weeks; null: no such day has the feature. */
  readonly weekday: FeatureDifference | null;
  /** Mean and deviation against the last training sets; null: there are fewer than five, or no numbers. */
  readonly mean: SpreadOf | null;
  readonly standardDeviation: SpreadOf | null;
}

/** A feature's served values beside a reference: what differs, and how much that counts. */
export interface FeatureDifference extends MeasuredDifference, DriftJudgement {}

/** Rows, or a number of them, on both sides. */
interface BothSides<T = number> {
  readonly reference: T;
  readonly served: T;
}

/** What differs, without a level. */
export interface MeasuredDifference {
  readonly rows: BothSides;
  readonly nulls: BothSides & {
    /** Wilson's 95 % intervals of the shares of nulls. */
    readonly intervals: BothSides<readonly [low: number, high: number]>;
    readonly p: number | null;
  };
  readonly notFinite: BothSides;
  /** null: a side has no value, or the feature is compared by its categories. */
  readonly ordered: OrderedDifference | null;
  readonly categories: CategoryDistance | null;
}

interface OrderedDifference {
  readonly measure: Measure;
  readonly ks: {
    readonly d: number;
    /** How far d can be from the D of the values themselves. */
    readonly within: number;
    /** Of the least D that is possible. */
    readonly p: number;
    readonly location: number;
    readonly sign: -1 | 0 | 1;
  };
  /** Whether all values moved, each a little. */
  readonly ranks: RankShift;
  readonly wasserstein: number;
  /** null where the days of the reference were binned by other edges. */
  readonly bins: ComparedBins | null;
  readonly mean: BothSides;
}

/** Rows in (-inf, e1], (e1, e2] ... (en, inf), and how far apart their shares are. */
interface ComparedBins extends BothSides<readonly number[]> {
  readonly edges: readonly number[];
  readonly psi: number;
  /** The share that replaces that of an empty bin in PSI. */
  readonly fill: number;
  /** The distance to base 2. */
  readonly jensenShannon: number;
}

/**
 * @param references  of the feature's type, with at least one row each
 * @param served      with at least one row; its bins and texts are those that the references have
 */
export function differenceOf(references: readonly ColumnSketch[], served: ColumnSketch): MeasuredDifference {
  // The same entities come every week, so that several days are no more evidence than their largest.
  const independent = references.reduce((most, one) => (one.rows > most.rows ? one : most));
  const sum = (of: (sketch: ColumnSketch) => number): number =>
    references.reduce((total, one) => total + of(one), 0);
  const rows = { reference: sum((one) => one.rows), served: served.rows };
  const nulls = { reference: sum((one) => one.nulls), served: served.nulls };
  const share = (nulls.reference / rows.reference) * independent.rows;
  return {
    rows,
    nulls: {
      ...nulls,
      intervals: {
        reference: shareInterval(share, independent.rows),
        served: shareInterval(nulls.served, rows.served),
      },
      p:
        chiSquareOf([share, independent.rows - share], [nulls.served, rows.served - nulls.served])?.p ?? null,
    },
    notFinite: { reference: sum((one) => one.nan + one.infinite), served: served.nan + served.infinite },
    ordered: orderedDifference(
      references.flatMap(({ ordered }) => ordered ?? []),
      served.ordered,
    ),
    categories: categoriesOf(references, served),
  };
}

function orderedDifference(
  references: readonly OrderedSketch[],
  served: OrderedSketch | null,
): OrderedDifference | null {
  if (served === null || references.length === 0) return null;
  const [then, now] = [pooledSteps(references), stepsOf(served)];
  const { d, location, sign, wasserstein } = stepDistance(then, now);
  const independent = Math.max(...references.map(({ rows }) => rows));
  const rows = references.reduce((sum, one) => sum + one.rows, 0);
  // The least D that the sketches allow, so that no chance is taken for drift.
  const { p } = ksProbability(Math.max(0, d - SKETCH_ERROR), independent, served.rows, MOST_EXACT);
  return {
    measure: served.measure,
    ks: { d, within: SKETCH_ERROR, p, location, sign },
    ranks: rankShift(then, now, { reference: independent, served: served.rows }),
    wasserstein,
    bins: comparedBins(references, served),
    mean: {
      reference: references.reduce((mean, one) => mean + (one.mean * one.rows) / rows, 0),
      served: served.mean,
    },
  };
}

function comparedBins(references: readonly OrderedSketch[], served: OrderedSketch): ComparedBins | null {
  const { edges, counts } = served.bins;
  const isSame = ({ bins }: OrderedSketch): boolean =>
    bins.edges.length === edges.length && bins.edges.every((edge, i) => edge === edges[i]);
  if (!references.every(isSame)) return null;
  const reference = counts.map((_, i) => references.reduce((sum, { bins }) => sum + bins.counts[i]!, 0));
  return {
    edges,
    reference,
    served: counts,
    psi: populationStability(reference, counts),
    fill: EMPTY_BIN_SHARE,
    jensenShannon: jensenShannonDistance(reference, counts),
  };
}

function categoriesOf(references: readonly ColumnSketch[], served: ColumnSketch): CategoryDistance | null {
  const kept = references.flatMap(({ categories }) => categories ?? []);
  if (served.categories === null || kept.length === 0) return null;
  const independent = Math.max(...kept.map(({ rows }) => rows));
  return categoryDistance(pooledCategories(kept), served.categories, independent);
}

/** @returns the tests that decide how much the difference counts */
export function testsOf({ rows, nulls, ordered, categories }: MeasuredDifference): DriftTest[] {
  const gap = Math.abs(nulls.reference / rows.reference - nulls.served / rows.served);
  return [
    ...(ordered === null
      ? []
      : [
          { p: ordered.ks.p, distance: ordered.ks.d },
          { p: ordered.ranks.p, distance: Math.abs(ordered.ranks.shift), most: 'flagged' as const },
        ]),
    ...(categories?.chiSquare ? [{ p: categories.chiSquare.p, distance: categories.lInfinity }] : []),
    ...(nulls.p === null ? [] : [{ p: nulls.p, distance: gap }]),
  ];
}
