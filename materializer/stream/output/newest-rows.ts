/**
 * The newest rows of a view's history, for a store that has lost them under a running stream. Behind a commit the
 * history has every row that the stream has made.
 */
import type { Bundle, Entity, FeatureView } from '../../../contract/model.ts';
import { quoteName } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistoryWithFaults } from '../../../project/engine/duckdb/history.ts';
import type { Settings } from '../../../project/settings/settings.ts';
import { latestSql } from '../../online/latest-rows.ts';
import type { OnlineRow } from '../../online/online-writer.ts';
import { RowMaker } from '../../online/row-maker.ts';
import type { RunPlan } from '../../run/run-range.ts';

interface NewestRowsOptions {
  readonly duck: DuckDb;
  readonly settings: Settings;
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly bundle: Bundle;
  readonly runId: string;
}

const TABLE = 'newest_rows';
/** All that the history has. */
const WHOLE: RunPlan = {
  kind: 'stream',
  full: true,
  fromUs: null,
  cutoffUs: Number.MAX_SAFE_INTEGER,
  dueUs: Number.MAX_SAFE_INTEGER,
  watermarkUs: 0,
  recordToUs: 0,
  moves: false,
  previous: null,
  historyCutoffUs: null,
  horizonUs: null,
  futureUs: null,
  features: null,
};

/** Yields the newest row of each entity, thousands at a time, made for the store. */
export async function* newestRows(
  options: NewestRowsOptions,
  writtenMs: number,
): AsyncGenerator<OnlineRow[]> {
  const { duck, settings, view, entity } = options;
  const { sql } = await openHistoryWithFaults(duck, settings, view, entity);
  const choice = { view, entity, range: WHOLE, isNewFile: null };
  const table = quoteName(TABLE);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${latestSql(choice, sql)}`);
  const maker = new RowMaker(options);
  for await (const chunk of duck.chunks(`SELECT * FROM ${table}`))
    yield chunk.flatMap((row) => maker.make(row, writtenMs) ?? []);
  await duck.run(`DROP TABLE ${table}`);
}
