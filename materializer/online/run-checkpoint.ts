/**
 * A run's checkpoint: which of its rows are online already, should it not come to its end.
 *
 *   {history}/_published/{view}/v{version}/{run}.{definition}.{ttl}.parquet   the run's rows in the order of writing
 *   online, beside each marker: `{run} {n}`                                   the first n of them are there
 *
 * The next run leaves out what it would write again to the byte: the rows among the first n of the file that are equal
 * to its own. How many they are stands in the store itself, behind the rows that it speaks of, since a store that was
 * emptied, or a replica that took over, does not have what this machine remembers. Where one group of keys says less,
 * the least counts; where one says nothing, everything is written.
 *
 * A run that ends removes the file. Small runs have none: to write them again costs less.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shardText } from '../../contract/run-set.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { syncFile, syncFolder } from '../../contract/std/files/durable-file.ts';
import { definitionName } from '../../contract/wire/online/row-header.ts';
import { EXACT_FLOATS, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { workFolder } from '../../project/history/history-folder.ts';
import type { ViewRun } from '../run/view-run.ts';
import type { ChosenRows } from './choose-rows.ts';
import { CREATED_US, DELETED, EVENT_US } from './latest-rows.ts';
import type { OnlineWriter } from './online-writer.ts';

/** Rows between two marks, and at least so many for a file: about half a second of writing. */
const MARK_ROWS = 20_000;

export class RunCheckpoint {
  readonly #run: ViewRun;
  readonly #writer: OnlineWriter;
  readonly #folder: string;
  /** Under which the store knows the view, or its part. */
  readonly #name: string;
  #marked = 0;
  /** Whether there is a file, so that marks say something. */
  #isKept = false;
  /** Rows that need not be written: they stand first. */
  online = 0;

  constructor(run: ViewRun, writer: OnlineWriter) {
    this.#run = run;
    this.#writer = writer;
    const { settings, view, shard } = run;
    const folder = workFolder(settings.work, '_published', view);
    this.#folder = shard === null ? folder : `${folder}.${shard.index}of${shard.count}`;
    this.#name = shard === null ? view.id : `${view.id} ${shardText(shard)}`;
  }

  /**
   * Compares with what the run before has left, and keeps the run's own rows.
   * @returns the rows in the order in which they are to be written, those that are online already first
   */
  async begin(chosen: ChosenRows): Promise<ChosenRows> {
    const { duck, entity, view, logger, replace } = this.#run;
    if (replace || chosen.entities < MARK_ROWS) return chosen;
    const before = await this.#before();
    const kept = before === null ? chosen : { ...chosen, table: 'marked_rows' };
    if (before !== null) {
      const keys = entity.joinKeys.map(({ name }) => quoteName(name));
      const same = this.#columns().map((c) => `n.${c} IS NOT DISTINCT FROM b.${c}`);
      await duck.run(
        `CREATE OR REPLACE TEMP TABLE ${kept.table} AS
         SELECT n.*, b.${ONLINE} IS NOT NULL AS ${ONLINE} FROM ${quoteName(chosen.table)} n
         LEFT JOIN (SELECT *, true AS ${ONLINE} FROM ${before.rows}) b
           ON ${[...keys.map((key) => `n.${key} = b.${key}`), ...same].join(' AND ')}
         ORDER BY ${[`${ONLINE} DESC`, ...keys.map((key) => `n.${key}`)].join(', ')}`,
      );
      const [row] = await duck.rows(`SELECT count_if(${ONLINE})::DOUBLE AS n FROM ${kept.table}`);
      this.online = row!['n'] as number;
      const rows = `${this.online} of ${chosen.entities} rows`;
      logger.info(`${view.id}: ${rows} are online already, by run ${before.runId}, which came to no end`);
    }
    await this.#keep(kept.table);
    return kept;
  }

  /** To be called now and then: the first `rows` of those that `begin` gave were written, or need not be. */
  async mark(rows: number): Promise<void> {
    if (!this.#isKept || rows - this.#marked < MARK_ROWS || this.#writer.isBlocked()) return;
    await this.#mark(rows);
  }

  /** The run has written everything: nothing is left to be found. */
  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #mark(rows: number): Promise<void> {
    await this.#writer.writePublished(this.#name, `${this.#run.runId} ${rows}`);
    this.#marked = rows;
  }

  /** @returns the rows that the run before has published, if it was under way like this one; null: there are none */
  async #before(): Promise<{ readonly runId: string; readonly rows: string } | null> {
    // Where rows may be evicted, nobody knows which of them are still there.
    if (!existsSync(this.#folder) || (await this.#mayEvict())) return null;
    const marks = (await this.#writer.readPublished(this.#name)).map(parseMark);
    const [first] = marks;
    if (first === null || first === undefined) return null;
    const { runId } = first;
    if (marks.some((mark) => mark?.runId !== runId)) return null;
    const file = this.#fileOf(runId);
    if (!existsSync(file)) return null;
    const rows = Math.min(...marks.map((mark) => mark!.rows));
    const from = `read_parquet(${quotePaths([file])}, file_row_number = true)`;
    return {
      runId,
      rows: `(SELECT ${this.#columns().join(', ')} FROM ${from} WHERE file_row_number < ${rows})`,
    };
  }

  async #mayEvict(): Promise<boolean> {
    return typeof (await this.#writer.evictions?.policyWarning()) === 'string';
  }

  /** The files of runs before are of no use as soon as the store knows of this one. */
  async #keep(table: string): Promise<void> {
    makeFolder(this.#folder);
    const file = this.#fileOf(this.#run.runId);
    const aside = `${file}.new`;
    await this.#run.duck.run(
      `COPY (SELECT ${this.#columns().join(', ')} FROM ${quoteName(table)}) TO ${quoteTarget(aside)}
       (FORMAT parquet, COMPRESSION lz4, ${EXACT_FLOATS})`,
    );
    syncFile(aside);
    renameSync(aside, file);
    syncFolder(this.#folder);
    await this.#mark(this.online);
    for (const name of readdirSync(this.#folder))
      if (join(this.#folder, name) !== file) rmSync(join(this.#folder, name));
    this.#isKept = true;
  }

  #columns(): string[] {
    const { entity, view } = this.#run;
    const names = [...entity.joinKeys, ...view.features].map(({ name }) => name);
    return [...names, EVENT_US, CREATED_US, DELETED].map(quoteName);
  }

  /** A row of another definition is another row, and one that may go earlier has to be written again. */
  #fileOf(runId: string): string {
    const { definitionId, ttlUs } = this.#run.view;
    return join(this.#folder, `${runId}.${definitionName(definitionId)}.${ttlUs ?? 'kept'}.parquet`);
  }
}

/** A column beside those of the view; no feature can have such a name. */
const ONLINE = quoteName('~online');

interface Mark {
  readonly runId: string;
  readonly rows: number;
}

function parseMark(text: string | null): Mark | null {
  const found = /^([\w-]+) (\d+)$/.exec(text ?? '');
  return found === null ? null : { runId: found[1]!, rows: Number(found[2]) };
}
