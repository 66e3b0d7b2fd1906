/**
 * Rows of a view's stream on their way into its history: files by event day, then one entry, which names the exact
 * range of offsets that the rows come from and begins where the stream's entry before it has ended.
 *
 *   files aside -> in their place -> lease held -> the entry -> the state forgets the rows
 *
 * A stream that dies before the last step finds in the log which of its rows are there.
 */
import { join } from 'node:path';
import { countingIds } from '../../../contract/definitions/definition-json.ts';
import type { Entity, FeatureView } from '../../../contract/model.ts';
import type { Logger } from '../../../contract/std/logger.ts';
import { makeFolder } from '../../../contract/std/files/folder.ts';
import type { Value } from '../../../contract/value-type.ts';
import { decodeRowValues } from '../../../contract/wire/online/row-codec.ts';
import { definitionName, HEADER_BYTES, readHeader } from '../../../contract/wire/online/row-header.ts';
import { commit } from '../../../project/delta/commit.ts';
import { logFolder } from '../../../project/delta/delta-log.ts';
import type { DeltaAction } from '../../../project/delta/delta-action.ts';
import type { TableState } from '../../../project/delta/table-state.ts';
import { checkpointIfDue } from '../../../project/engine/duckdb/delta-checkpoint.ts';
import { fileFacts } from '../../../project/engine/duckdb/file-facts.ts';
import { quoteName } from '../../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';
import type { BroughtFile, Folder } from '../../../project/storage/folder.ts';
import { historyEntry } from '../../../project/history/history-entry.ts';
import type { NewFile } from '../../../project/history/history-entry.ts';
import { dayFile, historyFolder } from '../../../project/history/history-folder.ts';
import { HistorySnapshot, readHistory } from '../../../project/history/history-snapshot.ts';
import type { HistoryCommit } from '../../../project/history/history-snapshot.ts';
import { materializerError } from '../../errors.ts';
import { makeStaged } from '../../run/run-folders.ts';
import { leaseLost } from '../../run/view-lease.ts';
import type { RunLease } from '../../run/view-run.ts';
import { entityKeys } from '../view-entity.ts';
import type { RowBatch } from '../state/row-batch.ts';
import { WaitingRows } from './waiting-rows.ts';

interface HistoryOptions {
  readonly root: Folder;
  /** Where rows are written first, on this machine. */
  readonly work: string;
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly partition: number;
  /** What the offsets count: messages of the source, or tiles that another engine has made of them. */
  readonly of?: 'tiles';
  /** All of the source: the view is complete up to where the last of them has come. */
  readonly partitions: readonly number[];
  readonly runId: string;
  readonly lease: RunLease;
  readonly duck: DuckDb;
  readonly logger: Logger;
}

/** What the history has of a partition under the view's definition. */
export interface CommittedRows {
  /** Rows come from the messages before this offset. */
  readonly offset: number;
  /** The number of the newest of its rows. */
  readonly rowNumber: number;
  /** Up to which edge the partition's rows are there; null: it has none under the definition. */
  readonly watermarkUs: number | null;
  /** The greatest created time in any entry. */
  readonly createdUs: number;
  /** The created time of the newest entry of this partition; null: it has none. */
  readonly ownCreatedUs: number | null;
  /** Of the state that has made its rows; null: none has yet. */
  readonly lineage: number | null;
}

interface NewRows {
  /** The messages that the rows come from, and those before. */
  readonly offset: number;
  readonly rowNumber: number;
  readonly createdUs: number;
  readonly watermarkUs: number;
  readonly lineage: number;
}

/** The column of the partition: a name that no feature can have, since it holds a space. */
const DAY = 'event day';

export class HistoryOutput {
  readonly #options: HistoryOptions;
  #state: TableState | null;
  /** Rows that no entry has yet; null: there are none. */
  #waiting: WaitingRows | null = null;

  private constructor(options: HistoryOptions, state: TableState | null) {
    this.#options = options;
    this.#state = state;
  }

  /** @throws REG_STORE when the history's log is damaged */
  static async open(options: HistoryOptions): Promise<HistoryOutput> {
    return new HistoryOutput(options, (await readHistory(options.root, options.view))?.state ?? null);
  }

  get committed(): CommittedRows {
    return this.#committedIn(this.#state);
  }

  #committedIn(state: TableState | null): CommittedRows {
    const { view, partition, of: kind } = this.#options;
    const created = [...(state?.commits.values() ?? [])].map(
      ({ commit: of }) => (of as HistoryCommit).createdUs ?? 0,
    );
    return {
      offset: state?.txns.get(txnName(view, partition, 'offset', kind)) ?? 0,
      rowNumber: state?.txns.get(txnName(view, partition, 'rows', kind)) ?? 0,
      watermarkUs: state?.txns.get(txnName(view, partition, 'watermark', kind)) ?? null,
      createdUs: Math.max(0, ...created),
      ownCreatedUs: state?.txns.get(txnName(view, partition, 'created', kind)) ?? null,
      lineage: state?.txns.get(txnName(view, partition, 'lineage', kind)) ?? null,
    };
  }

  /** @returns up to which edge the view is complete, over all partitions */
  #watermarkUs(state: TableState | null, ownUs: number): number {
    const { view, partition, partitions, of: kind } = this.#options;
    const others = partitions.filter((one) => one !== partition);
    return Math.min(
      ownUs,
      ...others.map((one) => state?.txns.get(txnName(view, one, 'watermark', kind)) ?? 0),
    );
  }

  /** Makes ready for rows: to be called before the first is added, and after each commit. */
  async begin(): Promise<void> {
    const { view, entity, partition, duck } = this.#options;
    const table = `row_${definitionName(view.definitionId)}_${partition}`;
    this.#waiting = await WaitingRows.open(duck, { view, entity }, table);
  }

  /** @param row  of which the next entry tells. @param values  null: a tombstone */
  add(
    row: { readonly entity: string; readonly eventUs: number; readonly createdUs: number },
    values: readonly Value[] | null,
  ): void {
    const keys = entityKeys(this.#options.entity, row.entity);
    this.#waiting!.add(keys, row.eventUs, row.createdUs, values);
  }

  /** Adds the rows of a step that an earlier process has made. */
  addBatch(batch: RowBatch): void {
    const { view } = this.#options;
    for (const [i, entity] of batch.entities.entries()) {
      const row = batch.row(i);
      const { eventUs, createdUs } = readHeader(row)!;
      this.add(
        { entity, eventUs, createdUs },
        row.length === HEADER_BYTES ? null : decodeRowValues(view, row),
      );
    }
  }

  /** How many rows wait for the next entry. */
  get waiting(): number {
    return this.#waiting?.rows ?? 0;
  }

  /**
   * Makes the rows that wait history, and says up to where it is complete.
   * @throws MAT_LEASE when another run has taken the view over, or has written the partition; nothing is committed then
   */
  async commit(made: NewRows): Promise<void> {
    const { root, view, entity, partition, runId, lease, duck, logger, of: kind } = this.#options;
    const folder = historyFolder(root, view);
    const before = this.committed;
    const files = this.waiting === 0 ? [] : await this.#write(this.#waiting!, made.rowNumber);
    const nowMs = Math.floor(made.createdUs / 1_000);
    const seen = this.#state;
    const ids = countingIds(view, entity.joinKeys);
    const state = await commit({
      table: folder,
      seen,
      actions: async (now) => {
        const other = this.#committedIn(now);
        await lease.hold();
        const isNewer =
          now !== null && new HistorySnapshot(folder, now).newestLease(seen?.version ?? -1) > lease.number;
        if (isNewer) throw leaseLost(view.id);
        const isOwn = (['offset', 'rowNumber', 'lineage'] as const).every(
          (what) => other[what] === before[what],
        );
        if (!isOwn) throw partitionLost(view, partition);
        const ownUs = Math.max(made.watermarkUs, other.watermarkUs ?? 0);
        const markUs = now === null ? 0 : (new HistorySnapshot(folder, now).mark(ids)?.watermarkUs ?? 0);
        const watermarkUs = Math.max(this.#watermarkUs(now, ownUs), markUs);
        const read = seen?.version ?? null;
        const facts = { runId, createdUs: made.createdUs, read, watermarkUs, lease: lease.number };
        const txn = (what: TxnKind, version: number): DeltaAction => ({
          txn: { appId: txnName(view, partition, what, kind), version, lastUpdated: nowMs },
        });
        const range = { partition, from: before.offset, to: made.offset };
        return [
          ...historyEntry(now, { view, entity, files, commit: { ...facts, ...range }, nowMs }),
          txn('offset', made.offset),
          txn('rows', made.rowNumber),
          txn('watermark', ownUs),
          txn('lineage', made.lineage),
          txn('created', made.createdUs),
        ];
      },
    });
    await checkpointIfDue({ duck, table: folder, state, logger, nowMs });
    this.#state = state;
    if (this.waiting > 0) await this.begin();
  }

  async #write(waiting: WaitingRows, rowNumber: number): Promise<NewFile[]> {
    const { root, work, view, partition, runId, duck } = this.#options;
    const days = join(makeStaged(work, view, runId), 'days');
    makeFolder(days);
    waiting.end();
    await duck.run(
      `COPY (${waiting.select(runId, DAY)}) TO ${quoteTarget(days)}
        (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (${quoteName(DAY)}), OVERWRITE_OR_IGNORE)`,
    );
    await waiting.drop();
    const folder = historyFolder(root, view);
    // Data files without this folder are those of a history whose log was lost.
    await logFolder(folder).make();
    const facts = await fileFacts(duck, days, '*/*.parquet');
    // Rows are numbered by partition, and a run has several.
    const name = `${runId}-${partition}-${rowNumber}`;
    const files = [...facts].map(([from, fact], i): NewFile & BroughtFile => {
      const path = dayFile(view, join(from, '..').slice(-10), `${name}-${i}`);
      return { path, ...fact, from, to: path };
    });
    await folder.bring(files);
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }
}

/** How far a partition has come in three ways and by whose doing, as the log of the history keeps it. */
type TxnKind = 'offset' | 'rows' | 'watermark' | 'lineage' | 'created';

function txnName(view: FeatureView, partition: number, what: TxnKind, of: 'tiles' | undefined): string {
  return `${of ?? 'stream'} ${definitionName(view.definitionId)} partition-${partition} ${what}`;
}

function partitionLost(view: FeatureView, partition: number): Error {
  return materializerError(
    'MAT_LEASE',
    `another stream has written the rows of partition ${partition} of ${view.id}: this one has lost it`,
  );
}
