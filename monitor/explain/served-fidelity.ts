/** Which row of the history one served row is: the entity's rows are known, those of others are looked for here. */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { sqlLiteral } from '../../project/engine/duckdb/sql-literal.ts';
import { alterationsOf } from '../causes/altered-row.ts';
import type { Alterations, EarlierRow } from '../causes/altered-row.ts';
import { fidelity } from '../causes/fidelity.ts';
import type { Fidelity, FidelityFacts, OthersRow } from '../causes/fidelity.ts';
import type { RowTimes } from '../causes/row-order.ts';
import { printSql } from '../as-served/row-print.ts';
import type { EntityRow } from './entity-rows.ts';

export interface ServedFidelity extends Alterations {
  readonly fidelity: Fidelity;
}

interface GivenOut {
  /** A SELECT of the view's history. */
  readonly history: string;
  /** In the bundle in force. */
  readonly today: FeatureView;
  readonly entity: Entity;
  readonly ids: readonly (KeyValue | null)[];
  readonly times: RowTimes;
  /** The view as the bundle that served had it, and the row's values by its features. */
  readonly view: FeatureView;
  readonly values: readonly (Value | undefined)[];
  /** @returns the entity's rows by earlier commits of the history */
  earlier(): Promise<readonly EarlierRow[]>;
}

/** @param rows  the entity's, under any definition */
export async function servedFidelity(
  duck: DuckDb,
  given: GivenOut,
  rows: readonly EntityRow[],
): Promise<ServedFidelity | null> {
  const { today, view, times } = given;
  const values = today.features.map((feature) => {
    const at = view.features.findIndex((one) => isSameFeature(one, feature));
    return at === -1 || view.features[at]!.log !== 'raw' ? undefined : given.values[at];
  });
  if (values.every((value) => value === undefined)) return null;
  const facts: FidelityFacts = {
    kind: today.kind,
    features: today.features.map(({ type, missing }) => ({ type, fallback: missing })),
    served: { ...times, values },
    own: rows,
    isKnown: rows.some(({ deleted }) => !deleted),
    others: [],
    keptFromUs: null,
  };
  const alone = fidelity(facts);
  if (alone.answer === 'true' || alone.answer === 'restamped')
    return { fidelity: alone, ...alterationsOf(facts, alone) };
  const [others, keptFromUs] = [await otherRows(duck, given, values), await oldestEvent(duck, given)];
  const whole = { ...facts, others, keptFromUs };
  const answer = fidelity(whole);
  const earlier = answer.answer === 'altered' ? await given.earlier() : [];
  return { fidelity: answer, ...alterationsOf(whole, answer, earlier) };
}

/** @returns rows of other entities with the served values: up to two of the served times, and of the served event */
async function otherRows(
  duck: DuckDb,
  { history, today, entity, ids, times }: GivenOut,
  values: readonly (Value | undefined)[],
): Promise<OthersRow[]> {
  const compared = today.features.flatMap(({ name, type }, i) =>
    values[i] === undefined ? [] : [{ name, type, i }],
  );
  const print = printSql(compared.map(({ name, type }) => ({ type, sql: `h.${quoteName(name)}` })));
  const served = printSql(compared.map(({ type, i }) => ({ type, sql: sqlLiteral(type, values[i]!) })));
  const keys = entity.joinKeys.map(({ name }) => `h.${quoteName(name)}`);
  const shown = entity.joinKeys.map(({ name }, i) => `${quoteText(`${name}=`)} || ${keys[i]}::VARCHAR`);
  const isOther = keys.map((key, i) => `${key} IS DISTINCT FROM ${literal(ids[i]!)}`).join(' OR ');
  const alive = today.kind === 'stored' ? 'true' : 'NOT coalesce(h.deleted, false)';
  const isOfTimes =
    times.createdUs === null
      ? 'true'
      : `(h.created_time IS NULL OR epoch_us(h.created_time) = ${times.createdUs})`;
  const rows =
    await duck.rows(`SELECT entity, is_of_times, CAST(min(created_us) AS DOUBLE) AS created_us FROM (
      SELECT ${shown.join(` || ', ' || `)} AS entity, ${isOfTimes} AS is_of_times, epoch_us(h.created_time) AS created_us
      FROM (${history}) h
      WHERE epoch_us(h.event_time) = ${times.eventUs} AND ${alive} AND (${isOther}) AND ${print} = ${served})
    GROUP BY entity, is_of_times
    QUALIFY row_number() OVER (PARTITION BY is_of_times ORDER BY entity) <= 2 ORDER BY entity`);
  const names = [...new Set(rows.map((row) => row['entity'] as string))];
  return rows.map((row) => {
    const name = row['entity'] as string;
    return {
      eventUs: times.eventUs,
      createdUs: row['is_of_times'] === true ? times.createdUs : (row['created_us'] as number),
      values: values.map((value) => value ?? null),
      entity: entity.log === 'raw' ? name : `an entity whose id is not shown (${names.indexOf(name) + 1})`,
    };
  });
}

async function oldestEvent(duck: DuckDb, { history }: GivenOut): Promise<number | null> {
  const [row] = await duck.rows(`SELECT CAST(epoch_us(min(event_time)) AS DOUBLE) AS t FROM (${history})`);
  return row!['t'] as number | null;
}

function literal(id: KeyValue | null): string {
  if (id === null) return 'NULL';
  return typeof id === 'string' ? quoteText(id) : String(id);
}
