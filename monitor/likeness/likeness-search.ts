/**
 * Looks for what the unexplained values of a role look like, once its rows are judged and while its tables are there:
 * in the values themselves (shapes.ts), in the entity's rows at other times (rows-around.ts), in the other features of
 * the row, and in the rows of other entities (whole-rows.ts). Called by role-run.ts.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature, FeatureView } from '../../contract/model.ts';
import { formatType } from '../../contract/value-type.ts';
import type { Value } from '../../contract/value-type.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { isSame } from '../causes/value-equality.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { LEAST_ROWS, likenessOf } from './likeness.ts';
import type { LooksLike, Shape, UnexplainedValue } from './likeness.ts';
import { rowsAround } from './rows-around.ts';
import type { RowsAround } from './rows-around.ts';
import { ownShapes } from './shapes.ts';
import type { UnexplainedRow } from './unexplained-rows.ts';
import { wholeRows } from './whole-rows.ts';

/**
 * @param view  in the bundle in force
 * @param rows  by feature of it, those with an unexplained value of it
 * @returns     by the feature's name; only features that look like anything
 */
export async function looksLike(
  duck: DuckDb,
  view: FeatureView,
  replay: ViewReplay,
  rows: ReadonlyMap<number, readonly UnexplainedRow[]>,
): Promise<Map<string, readonly LooksLike[]>> {
  const found = new Map<string, readonly LooksLike[]>();
  // Values that stay out of reports are not described in them.
  const asked = [...rows].filter(([i, own]) => own.length >= LEAST_ROWS && view.features[i]!.log === 'raw');
  // Features that are wrong in the same rows ask for the rows of others once.
  const questions = new Map(asked.map(([, own]) => [namesOf(own), own]));
  const answers = await wholeRows(duck, view, replay, [...questions.values()]);
  const whole = new Map([...questions.keys()].map((name, i) => [name, answers[i]!]));
  for (const [index, own] of asked) {
    const feature = view.features[index]!;
    const values = own.map(({ served, held }): UnexplainedValue => {
      return { served: served[index]!, held: held[index]! };
    });
    const vids = own.map(({ vid }) => vid);
    const times = timesOf(view, feature);
    const around = await rowsAround(duck, replay, { vids, column: feature, times: [...times.values()] });
    const shapes = [
      ...ownShapes(feature.type, values),
      ...timeShapes(feature, vids, times, around),
      ...featureShapes(view, feature, own),
    ];
    const likeness = likenessOf(values, shapes, whole.get(namesOf(own)));
    if (likeness.length > 0) found.set(feature.name, likeness);
  }
  return found;
}

function namesOf(rows: readonly UnexplainedRow[]): string {
  return rows.map(({ vid }) => vid).join(' ');
}

/** The names of other times, with how far away they are. */
function timesOf({ hopUs }: FeatureView, { aggregation }: Feature): Map<string, number> {
  if (aggregation === null) return new Map();
  const { windowUs } = aggregation;
  const hop = [['the value one hop earlier', -hopUs] as const, ['the value one hop later', hopUs] as const];
  if (windowUs === null || windowUs === hopUs) return new Map(hop);
  return new Map([
    ...hop,
    ['the value one window earlier', -windowUs],
    ['the value one window later', windowUs],
  ]);
}

function timeShapes(
  feature: Feature,
  vids: readonly number[],
  times: ReadonlyMap<string, number>,
  around: RowsAround,
): Shape[] {
  return [...times].map(([name, by]) => ({
    name,
    kind: 'time',
    type: feature.type,
    candidates: vids.map((vid) => around.get(by)?.get(vid)),
    fits: (served, candidate) => isSame(feature.type, served, candidate),
  }));
}

/** Other features of the same row that have its type: another aggregate of the same tile, two columns mixed up. */
function featureShapes(view: FeatureView, feature: Feature, rows: readonly UnexplainedRow[]): Shape[] {
  return view.features.flatMap((other, i): Shape[] => {
    const isAlike = formatType(other.type) === formatType(feature.type);
    if (isSameFeature(other, feature) || !isAlike || other.log !== 'raw') return [];
    return [
      {
        name: `the value of ${other.name}`,
        kind: 'feature',
        type: other.type,
        candidates: rows.map(({ held }): Value => held[i]!),
        fits: (served, candidate) => isSame(feature.type, served, candidate),
      },
    ];
  });
}
