/**
 * Brings the newest rows of a view from its history to the online store: judge, choose, encode, write, in this order,
 * so that nothing is written online before it is known that not too much was rejected.
 *
 * Called by materialize.ts, once or twice a run; holds one temporary table in the given DuckDB meanwhile.
 */
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { quoteName, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import { openJudgedHistory } from '../../project/engine/duckdb/history.ts';
import type { Bundle } from '../../contract/model.ts';
import type { Clock } from '../../project/clock.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { reasonKindSql } from '../../project/engine/duckdb/sources/column-reading.ts';
import { REASON, lostColumns } from '../../project/engine/duckdb/sources/stored-rows.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { entityKeyOf } from '../../contract/wire/online/entity-key.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { tombstone, TOMBSTONE_MS } from '../../contract/wire/online/row-header.ts';
import { materializerError } from '../errors.ts';
import { candidatesSql, CREATED_US, DELETED, EVENT_US, FATE, latestSql } from './latest-rows.ts';
import type { Fate, RowSelection } from './latest-rows.ts';
import { addWrites, noWrites } from './guard-outcome.ts';
import type { WriteCounts } from './guard-outcome.ts';
import type { OnlineRow, OnlineWriter } from './online-writer.ts';
import { checkRejected } from '../run/left-out.ts';
import type { RunProgress } from '../run/run-progress.ts';
import { appendRejected, writeRejected } from '../run/reject-file.ts';
import { later } from '../run/run-outcome.ts';

// One pipeline: large enough that waiting for the answer does not count, small enough to hold in memory many times.
const BATCH_ROWS = 2_000;

export interface ServeTarget {
  readonly duck: DuckDb;
  readonly writer: OnlineWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress: RunProgress;
  readonly bundle: Bundle;
  readonly keyPrefix: string;
  /** In [0, 1]: the largest share of rows that may be rejected. */
  readonly maxRejectedShare: number;
  readonly rejectFile: string;
  readonly replace: boolean;
  /** Takes what the run ends with though its work is done. */
  readonly complaints: Error[];
}

/** The rows chosen and waiting; `writeChosen` writes them. */
export interface ChosenRows {
  readonly table: string;
  /** Rows read that `where` does not exclude: of these rejected, and not due yet. */
  readonly read: number;
  readonly rejected: number;
  readonly waiting: number;
  /** Rows that it excludes. */
  readonly excluded: number;
  /** Why, most frequent first. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Of the rows that are not rejected: the newest event time that is due, the newest created time; null: there are none. */
  readonly newestEventUs: number | null;
  readonly newestCreatedUs: number | null;
  /** Entities to write. */
  readonly entities: number;
}

/**
 * Judges the rows that a run reads and puts the newest good one of each entity aside.
 *
 * @throws MAT_REJECTED, MAT_NULL_SHARE when too many rows do not hold; MAT_SOURCE when they cannot be read
 */
export async function chooseRows(
  target: Pick<ServeTarget, 'duck' | 'logger' | 'maxRejectedShare'> & { readonly rejectFile: string | null },
  selection: RowSelection,
  table: string,
): Promise<ChosenRows> {
  const { duck } = target;
  const { view, entity, folder, historyRoot } = selection;
  try {
    const { sql: rows, source } = await openJudgedHistory(duck, folder, historyRoot, view, entity);
    if (source !== null)
      lostColumns(source, view).forEach((text) => target.logger.warn(`${view.id}: ${text}`));
    const candidates = candidatesSql(selection, rows);
    const { nulls, ...counts } = await countCandidates(duck, candidates, selection);
    const { read, rejected, reasons } = counts;
    if (rejected > 0 && target.rejectFile !== null) await writeRejected(duck, candidates, target.rejectFile);
    const { rejectFile } = target;
    checkRejected(target.maxRejectedShare, selection.view.id, {
      judged: read,
      rejected,
      reasons,
      rejectFile,
    });
    checkNulls(selection, read - rejected - counts.waiting, nulls);
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${quoteName(table)} AS ${latestSql(selection, rows)}`);
    const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS entities FROM ${quoteName(table)}`);
    return { table, ...counts, entities: row!['entities'] as number };
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('MAT_')) throw error;
    const { message } = error as Error;
    throw materializerError(
      'MAT_SOURCE',
      `cannot read the rows of ${selection.view.id}: ${message}`,
      {},
      error,
    );
  }
}

async function countCandidates(
  duck: DuckDb,
  candidates: string,
  { view, range }: RowSelection,
): Promise<Omit<ChosenRows, 'table' | 'entities'> & { nulls: Map<string, number> }> {
  const reason = reasonKindSql(quoteName(REASON));
  const checked = view.features.filter((f) => f.checks !== null && f.checks.maxNullShare !== null);
  const nullCounts = checked.map(
    ({ name }, i) =>
      `, count_if(${quoteName(name)} IS NULL AND NOT ${quoteName(DELETED)})::DOUBLE AS nulls_${i}`,
  );
  const rows = await duck.rows(
    `SELECT ${quoteName(FATE)} AS fate, ${reason} AS reason, count(*)::DOUBLE AS n,
      (max(${quoteName(EVENT_US)}) FILTER (${quoteName(EVENT_US)} <= ${range.dueUs}))::DOUBLE AS event,
      max(${quoteName(CREATED_US)})::DOUBLE AS created${nullCounts.join('')}
     FROM (${candidates}) GROUP BY ALL ORDER BY n DESC, reason`,
  );
  const of = (fate: Fate): SqlRow[] => rows.filter((row) => row['fate'] === fate);
  const count = (fate: Fate): number => of(fate).reduce((sum, row) => sum + (row['n'] as number), 0);
  // An excluded row shows that the source lives, and so does one that waits.
  const living = rows.filter((row) => row['fate'] !== 'rejected');
  const newest = (time: 'event' | 'created'): number | null =>
    living.reduce((best, row) => later(best, row[time] as number | null), null as number | null);
  const [good] = of('counted');
  return {
    read: count('counted') + count('rejected') + count('waiting'),
    rejected: count('rejected'),
    waiting: count('waiting'),
    excluded: count('excluded'),
    reasons: new Map(of('rejected').map((row) => [row['reason'] as string, row['n'] as number])),
    newestEventUs: newest('event'),
    newestCreatedUs: newest('created'),
    nulls: new Map(checked.map(({ name }, i) => [name, (good?.[`nulls_${i}`] as number | undefined) ?? 0])),
  };
}

function checkNulls({ view }: RowSelection, good: number, nulls: ReadonlyMap<string, number>): void {
  for (const { name, checks } of view.features) {
    const limit = checks?.maxNullShare ?? null;
    const count = nulls.get(name) ?? 0;
    // The share is compared, not the count: 0.29 * 100 is a hair below 29, while 29 / 100 is 0.29 to the bit.
    if (limit === null || count === 0 || count / good <= limit) continue;
    const percent = Number((limit * 100).toPrecision(15));
    throw materializerError(
      'MAT_NULL_SHARE',
      `${name} of ${view.id} is null in ${count} of ${good} rows; its check allows ${percent} %`,
      { field: name },
    );
  }
}

/**
 * Writes the chosen rows through the guard.
 *
 * @param wants  which keys to write; the others are left as they are
 * @returns      rows by outcome, and those that could not be encoded, which are in the reject file
 */
export async function writeChosen(
  target: ServeTarget,
  selection: RowSelection,
  chosen: ChosenRows,
  wants: (key: string) => boolean,
): Promise<WriteCounts & { rejected: number }> {
  const { duck, writer, clock, progress, replace } = target;
  const { entity } = selection;
  const total = { ...noWrites(), rejected: 0 };
  const encoder = new RowMaker(target, selection);
  let done = 0;
  let batch: OnlineRow[] = [];
  // The store writes one batch while the next is made.
  let underWay: Promise<WriteCounts> = Promise.resolve(noWrites());
  const flush = async (): Promise<void> => {
    const before = underWay;
    underWay = writer.write(batch, { replace });
    // Of two that fail the first is told.
    underWay.catch(() => {});
    batch = [];
    addWrites(total, await before);
    progress.step('writing online', done, chosen.entities, 'rows');
  };
  // Neighbours in the key lie together in SQLite; written in order its pages are touched once.
  const order = entity.joinKeys.map(({ name }) => quoteName(name)).join(', ');
  for await (const chunk of duck.chunks(`SELECT * FROM ${quoteName(chosen.table)} ORDER BY ${order}`)) {
    const writtenMs = Math.floor(clock.nowUs() / 1_000);
    for (const row of chunk) {
      done += 1;
      const made = encoder.make(row, writtenMs);
      if (made === null) total.rejected += 1;
      else if (wants(made.key)) batch.push(made);
      if (batch.length >= BATCH_ROWS) await flush();
    }
  }
  await flush();
  addWrites(total, await underWay);
  return total;
}

/** Makes rows as they stand online from rows of the chosen table. */
class RowMaker {
  readonly #target: ServeTarget;
  readonly #selection: RowSelection;
  readonly #encoder: RowEncoder;
  readonly #superseded: readonly number[];
  readonly #expiresInMs: number | null;

  constructor(target: ServeTarget, selection: RowSelection) {
    const { view } = selection;
    this.#target = target;
    this.#selection = selection;
    this.#encoder = new RowEncoder(view);
    this.#superseded = (target.bundle.schemas.get(view.id) ?? [])
      .map((schema) => schema.definitionId)
      .filter((id) => id !== view.definitionId);
    this.#expiresInMs =
      view.kind === 'stored' && view.ttlUs !== null ? Math.ceil((2 * view.ttlUs) / 1_000) : null;
  }

  /** @returns null when the row does not fit its definition after all: it is then in the reject file */
  make(row: SqlRow, writtenMs: number): OnlineRow | null {
    const { view, entity } = this.#selection;
    try {
      const keys = entity.joinKeys.map(({ name }) => row[name] as KeyValue);
      const createdUs = Number(row[CREATED_US] ?? 0);
      const eventUs = Number(row[EVENT_US]);
      const key = entityKeyOf(this.#target.keyPrefix, entity, keys);
      const own = { key, view: view.id, superseded: this.#superseded };
      if (row[DELETED] === true) {
        const header = { definitionId: view.definitionId, eventUs, createdUs, writtenMs };
        return { ...own, row: tombstone(header), expiresInMs: TOMBSTONE_MS };
      }
      const values: Value[] = [];
      for (const { name, type } of view.features) values.push(valueFromDuck(type, row[name]!));
      const bytes = this.#encoder.encode(eventUs, createdUs, writtenMs, values);
      return { ...own, row: bytes, expiresInMs: this.#expiresInMs };
    } catch (error) {
      const key = entity.joinKeys.map(({ name }) => `${name}=${String(row[name])}`).join(' ');
      appendRejected(this.#target.rejectFile, key, (error as Error).message);
      return null;
    }
  }
}
