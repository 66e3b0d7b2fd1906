/**
 * The mismatches of a day: one Parquet file per day and service, with one row per value that differs.
 *
 *   request_id, row_index | feature | served_at TIMESTAMP | served_state, served | replayed_state, replayed
 *   | cause, also VARCHAR[]: the causes that hold beside it | within_promise, evidence
 *
 * Values are JSON text as written by `contract/wire/online/json-value.ts`, so that one column holds every type; values
 * of features that are logged as HMACs are `hmac:{hex}`.
 */
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { jsonOf } from '../tally/feature-tally.ts';
import type { Explanation } from '../causes/explain.ts';
import { monitorError } from '../errors.ts';
import type { ValueFacts } from '../causes/facts.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

const TABLE = 'judged_values';
const BATCH_ROWS = 20_480;
const SEPARATOR = '; ';
const ALSO = `CASE WHEN also = '' THEN [] ELSE string_split(also, '${SEPARATOR}') END::VARCHAR[]`;

type SqlValue = Parameters<DuckDb['append']>[1][number][number];

export class JudgedValues {
  #rows: SqlValue[][] = [];

  /** Empties the table: it holds the values of one service at a time. */
  async begin(duck: DuckDb): Promise<void> {
    this.#rows = [];
    await duck.run(`CREATE OR REPLACE TABLE ${TABLE} (request_id VARCHAR, row_index INTEGER, feature VARCHAR,
      served_us BIGINT, served_state VARCHAR, served VARCHAR, replayed_state VARCHAR, replayed VARCHAR,
      cause VARCHAR, also VARCHAR, within_promise BOOLEAN, evidence VARCHAR)`);
  }

  get isFull(): boolean {
    return this.#rows.length >= BATCH_ROWS;
  }

  add(
    feature: string,
    vector: { readonly requestId: string; readonly rowIndex: number; readonly servedUs: number },
    facts: ValueFacts,
    explanation: Explanation,
  ): void {
    this.#rows.push([
      vector.requestId,
      vector.rowIndex,
      feature,
      BigInt(vector.servedUs),
      facts.servedState,
      textOf(facts.type, facts.served),
      facts.replayedState,
      textOf(facts.type, facts.replayed),
      explanation.cause,
      explanation.also.join(SEPARATOR),
      explanation.withinPromise,
      explanation.evidence,
    ]);
  }

  async flush(duck: DuckDb): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length > 0) await duck.append(TABLE, rows);
  }

  /** Writes the file aside and renames it. @throws MON_REPORTS when it cannot be written */
  async write(duck: DuckDb, file: string): Promise<void> {
    await this.flush(duck);
    const aside = `${file}.${process.pid}.tmp`;
    try {
      makeFolder(dirname(file), 0o700);
      await duck.run(`COPY (SELECT * EXCLUDE (served_us) REPLACE (${ALSO} AS also), make_timestamp(served_us) AS served_at FROM ${TABLE}
        ORDER BY feature, served_us, request_id, row_index) TO ${quoteTarget(aside)} (FORMAT parquet, COMPRESSION zstd)`);
      chmodSync(aside, 0o600);
      renameSync(aside, file);
    } catch (error) {
      if (existsSync(aside)) rmSync(aside);
      const why = (error as Error).message.split('\n')[0];
      throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
    }
  }
}

function textOf(type: ValueType, value: Value): string | null {
  if (value === null) return null;
  const json = jsonOf(type, value);
  return typeof json === 'string' ? json : JSON.stringify(json);
}
