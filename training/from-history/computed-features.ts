/**
 * On-demand features of a training set: the function of each view over the labels' inputs and the features that the
 * as-of rule shows, the same code as in serving.
 *
 *   joined tables, labels --a chunk of arguments--> the function, row by row --a chunk of outputs--> computed_{i}
 *
 *   computed_{i}   rid | state | v0 | v1 | ...           the outputs, before fallbacks
 */
import type { OnDemandView, ServiceOnDemand } from '../../contract/model.ts';
import { argumentsOf, usedFeature } from '../../contract/on-demand/arguments.ts';
import { openCaller } from '../../contract/on-demand/function-caller.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import { countText } from '../../contract/std/count-text.ts';
import type { LabelCounts } from '../../contract/training-manifest.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { duckTypeOf, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import { passedSql, passedValues } from '../../project/engine/duckdb/passed-values.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import type { LabelInput } from '../labels/label-casts.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';
import { isUnjudgedSql, joinedFeatureSql } from './view-join.ts';
import type { JoinedView, TrainingSet } from './view-join.ts';

/** States of a label. The function is called for these alone. */
const CALLED = 0;
/** It has no time, so that nothing was asked. */
const MISSING = 1;
/** What the function takes is not known yet. */
const UNJUDGED = 2;
/** What it takes could not be computed, or it gave no values itself. */
const FAILED = 3;

/** An on-demand view, computed for every label. */
export interface ComputedView {
  readonly used: ServiceOnDemand;
  readonly view: OnDemandView;
  readonly table: string;
  /** By the reason how many calls gave no values, and the first of them. */
  readonly faults: ReadonlyMap<string, FaultCount>;
}

interface FaultCount {
  readonly calls: number;
  readonly message: string;
  /** The label's row, from 0. */
  readonly rid: bigint;
}

/** What the functions take of the labels and of the views that are joined to them. */
interface ComputeFrom {
  readonly joined: readonly JoinedView[];
  readonly inputs: readonly LabelInput[];
}

/** Computes the service's on-demand views, each after those that it uses. */
export async function computeViews(set: TrainingSet, from: ComputeFrom): Promise<ComputedView[]> {
  const computed: ComputedView[] = [];
  for (const [i, used] of set.service.onDemand.entries()) {
    const view = set.bundle.onDemand.get(used.view)!;
    const table = `computed_${i}`;
    const columns = view.features.map(({ type }, f) => `v${f} ${duckTypeOf(type)}`);
    await set.duck.run(
      `CREATE OR REPLACE TABLE ${table} (${['rid BIGINT', 'state UTINYINT', ...columns].join(', ')})`,
    );
    const faults = await computeView(set, view, table, argumentsSql(set, used, { ...from, computed }));
    computed.push({ used, view, table, faults });
  }
  return computed;
}

/** @returns SQL of a computed feature, with the fallback in place */
export function computedFeatureSql({ view, table }: ComputedView, name: string): string {
  const at = view.features.findIndex((one) => one.name === name);
  const { type, missing } = view.features[at]!;
  return `CASE ${table}.state WHEN ${CALLED} THEN ${table}.v${at} WHEN ${UNJUDGED} THEN NULL ELSE ${sqlLiteral(type, missing)} END`;
}

/** @returns by the feature's name */
export async function countComputed(
  { duck }: TrainingSet,
  { view, table }: ComputedView,
): Promise<Map<string, LabelCounts>> {
  const states = [CALLED, MISSING, UNJUDGED, FAILED].map(
    (state) => `count_if(state = ${state})::DOUBLE AS s${state}`,
  );
  const values = view.features.map((_, f) => `count(v${f})::DOUBLE AS n${f}`);
  const [row] = await duck.rows(`SELECT ${[...states, ...values].join(', ')} FROM ${table}`);
  const of = (name: string): number => row![name] as number;
  return new Map(
    view.features.map(({ name }, f) => {
      const present = of(`n${f}`);
      const counts = {
        present,
        nulls: of(`s${CALLED}`) - present,
        missing: of(`s${MISSING}`),
        outsideTtl: 0,
      };
      return [name, { ...counts, unjudged: of(`s${UNJUDGED}`), notFull: 0, failed: of(`s${FAILED}`) }];
    }),
  );
}

/** @returns a sentence for each reason for which a function gave no values */
export function faultNotes(computed: readonly ComputedView[]): string[] {
  return computed.flatMap(({ used, faults }) =>
    [...faults.values()].map(
      ({ calls, message, rid }) =>
        `${countText(calls, 'label')} ${calls === 1 ? 'has' : 'have'} no ${used.role}: ${message} (row ${Number(rid) + 1}${calls === 1 ? '' : ' is the first'}).`,
    ),
  );
}

/** @returns a SELECT of rid, the state, and one column an argument */
function argumentsSql(
  { service, bundle }: TrainingSet,
  used: ServiceOnDemand,
  { joined, inputs, computed }: ComputeFrom & { readonly computed: readonly ComputedView[] },
): string {
  const view = bundle.onDemand.get(used.view)!;
  const tables = new Set<string>();
  const unjudged: string[] = [];
  const failed: string[] = [];
  const taken = view.uses.flatMap((one, i) => {
    const role = used.uses[i]!;
    const source = joined.find((other) => other.used.role === role);
    if (source !== undefined) {
      tables.add(source.table);
      unjudged.push(isUnjudgedSql(source));
      return one.features.map(({ feature }) => joinedFeatureSql(source, feature));
    }
    const inner = computed.find((other) => other.used.role === role)!;
    tables.add(inner.table);
    unjudged.push(`${inner.table}.state = ${UNJUDGED}`);
    const isBare = one.features.some(({ feature }) => usedFeature(one, feature, bundle).missing === null);
    if (isBare) failed.push(`${inner.table}.state = ${FAILED}`);
    return one.features.map(({ feature }) => computedFeatureSql(inner, feature));
  });
  const given = view.inputs.map(({ name, requestTime }) => {
    if (requestTime) return 'make_timestamp(l.t)';
    const key = service.requestKeys.findIndex((one) => one.name === name);
    return key === -1 ? `l.input_${inputs.findIndex((one) => one.name === name)}` : `l.key_${key}`;
  });
  const args = argumentsOf(view, bundle);
  const columns = [...given, ...taken].map((sql, i) => `${passedSql(args[i]!.type, sql)} AS a${i}`);
  const cases = [
    `WHEN l.t IS NULL THEN ${MISSING}`,
    ...unjudged.map((sql) => `WHEN ${sql} THEN ${UNJUDGED}`),
    ...failed.map((sql) => `WHEN ${sql} THEN ${FAILED}`),
  ];
  const joins = [...tables].map((table) => `JOIN ${table} ON ${table}.rid = l.rid`);
  return `SELECT ${['l.rid', `CASE ${cases.join(' ')} ELSE ${CALLED} END AS state`, ...columns].join(', ')}
    FROM ${LABEL_KEYS} l ${joins.join(' ')}`;
}

/** Types whose values the client takes as they are. */
const PLAIN: ReadonlySet<ValueType['kind']> = new Set([
  'bool',
  'int32',
  'int64',
  'float32',
  'float64',
  'string',
]);

/** Fills the table. @returns the faults by reason */
async function computeView(
  { duck, bundle }: TrainingSet,
  view: OnDemandView,
  table: string,
  sql: string,
): Promise<Map<string, FaultCount>> {
  const faults = new Map<string, FaultCount>();
  const caller = await openCaller(view, bundle);
  const filling = await duck.filling(table);
  const args = argumentsOf(view, bundle);
  const nested = view.features.map(({ type }) => !PLAIN.has(type.kind));
  try {
    for await (const [rids, states, ...columns] of duck.columnChunks(sql)) {
      const values = columns.map((column, i) => passedValues(args[i]!.type, column));
      const own = (states as readonly number[]).map((state) => state);
      const called = own.flatMap((state, row) => (state === CALLED ? [row] : []));
      const outcomes = await caller.call(called.map((row) => values.map((column) => column[row]!)));
      const outputs: Value[][] = view.features.map(() => own.map(() => null));
      for (const [i, outcome] of outcomes.entries()) {
        const row = called[i]!;
        if (outcome instanceof OnDemandFault) {
          own[row] = FAILED;
          const { calls = 0, ...first } = faults.get(outcome.reason) ?? {};
          const rid = rids![row] as bigint;
          faults.set(outcome.reason, { message: outcome.message, rid, ...first, calls: calls + 1 });
        } else for (let f = 0; f < outputs.length; f++) outputs[f]![row] = outcome[f]!;
      }
      const written = outputs.map((column, f) =>
        nested[f]! ? column.map((value) => valueToDuck(view.features[f]!.type, value)) : column,
      );
      filling.add([rids!, own, ...(written as (typeof rids)[])] as Parameters<typeof filling.add>[0]);
    }
  } finally {
    filling.close();
    await caller.close();
  }
  return faults;
}
