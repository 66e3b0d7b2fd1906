/**
 * The history of a view under the definition that served a vector: the vector is replayed over the rows that its own
 * bundle's row logic made. Rows of another definition, written before or after, mean something else and prove nothing
 * about it.
 *
 * A stored view has one history, its source, read by today's definition; a vector of another key is none of its rows'.
 * Called by role-run.ts.
 */
import { DUCKDB } from '../../project/engine/duckdb/duck-dialect.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { countingIds } from '../../contract/definitions/definition-json.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { committedSql } from '../../project/engine/duckdb/committed-rows.ts';
import { historyColumns } from '../../project/history/history-columns.ts';
import { seenHistory } from '../../project/history/history-place.ts';
import type { HistorySnapshot } from '../../project/history/history-snapshot.ts';
import type { HistoryPlace } from '../../project/history/history-place.ts';
import type { ViewHistory } from '../../project/engine/duckdb/history.ts';
import { matchFeatures } from '../../contract/feature-match.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { EarlierCommit } from '../causes/altered-row.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { SqlDialect } from '../../project/engine/sql-dialect.ts';

/** A view and its entity, both of one bundle. */
export interface DefinedView {
  readonly view: FeatureView;
  readonly entity: Entity;
}

/** Vectors: when the first and the last were served, and the longest delay that one of them was given. */
interface ServedSpan {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly delayUs: number;
}

/** Rows that an entry of the history took out of it. */
export interface RemovedRows {
  /** A SELECT of the columns of `ofToday`. */
  readonly sql: string;
  /** Whether the file that it reads still is. */
  readonly isThere: () => Promise<boolean>;
  readonly commit: EarlierCommit;
}

interface ServedHistoryParts {
  readonly duck: DuckDb;
  readonly histories: HistoryPlace;
  /** The view in the bundle in force. */
  readonly today: DefinedView;
  /** The runs of the view. */
  readonly runs: readonly RunRecord[];
}

/** How an engine reads histories: as `openHistory` does. */
export interface HistoryReading {
  readonly dialect: Pick<SqlDialect, 'quoteName' | 'typeOf'>;
  open(view: FeatureView, entity: Entity): Promise<Pick<ViewHistory, 'sql' | 'nanos' | 'parts'>>;
}

export class ServedHistory {
  readonly #parts: ServedHistoryParts;
  readonly #today: DefinedView;
  readonly #runs: readonly RunRecord[];
  readonly #reading: HistoryReading;
  /** null: the view is a stored one, or nothing was computed yet. */
  readonly #snapshot: HistorySnapshot | null;
  /** Watermarks by definition id. */
  readonly #watermarks = new Map<number, number | null>();

  private constructor(parts: ServedHistoryParts, snapshot: HistorySnapshot | null, reading: HistoryReading) {
    this.#parts = parts;
    this.#reading = reading;
    this.#today = parts.today;
    this.#runs = parts.runs;
    this.#snapshot = snapshot;
  }

  /** @throws REG_STORE when the history's log is damaged */
  static async open(parts: ServedHistoryParts): Promise<ServedHistory> {
    const { view } = parts.today;
    const snapshot = view.kind === 'stored' ? null : await seenHistory(parts.histories, view);
    const { duck, histories } = parts;
    const open: HistoryReading['open'] = (of, entity) => openHistory(duck, histories, of, entity);
    return new ServedHistory(parts, snapshot, { dialect: DUCKDB, open });
  }

  /** @returns the same, read by another engine */
  by(reading: HistoryReading): ServedHistory {
    return new ServedHistory(this.#parts, this.#snapshot, reading);
  }

  /** The history under today's definition. */
  async ofToday(): Promise<Pick<ViewHistory, 'sql' | 'nanos' | 'parts'>> {
    const { view, entity } = this.#today;
    return await this.#reading.open(view, entity);
  }

  /**
   * @param served  the view in a bundle of the log
   * @param span    to leave out what no vector of it sees: of the days before a base most rows
   * @returns       a SELECT of the columns of `ofToday`, with the rows that count under that definition: a feature that
   *                it lacks, or has in another type, is null. null: that definition has other keys, so no row can be
   *                compared
   */
  async of(served: DefinedView, span: ServedSpan | null = null): Promise<string | null> {
    const { view } = this.#today;
    // A base hides rows by the delay of its own view. Vectors that wait longer see what others saw before.
    const rowsOf = ({ sql, parts }: Pick<ViewHistory, 'sql' | 'parts'>, { delayUs }: FeatureView): string =>
      span === null
        ? sql
        : parts(span.firstUs - Math.max(0, span.delayUs - delayUs), span.lastUs).join(' UNION ALL ');
    if (view.kind === 'stored') return this.#isAlike(served) ? (await this.ofToday()).sql : null;
    if (served.view.definitionId === view.definitionId) return rowsOf(await this.ofToday(), view);
    if (!this.#isAlike(served)) return null;
    const history = await this.#reading.open(served.view, served.entity);
    return this.#byToday(served, rowsOf(history, served.view));
  }

  /** @returns what files on the disk hold of rows that count no more under that definition, a part for each file */
  async removedOf(served: DefinedView): Promise<RemovedRows[]> {
    const { view, entity } = served;
    if (view.kind === 'stored' || !this.#isAlike(served)) return [];
    const ids = countingIds(view, entity.joinKeys);
    const rows: RemovedRows[] = [];
    for (const file of this.#snapshot?.removed(ids) ?? []) {
      const isThere = (): Promise<boolean> => this.#snapshot!.folder.has(file.path);
      if (!(await isThere())) continue;
      const until = { version: file.removedBy, atUs: file.removedMs * 1_000 };
      rows.push({
        isThere,
        sql: this.#byToday(served, committedSql(view, entity, [file])),
        commit: { version: file.addedBy, atUs: file.addedMs * 1_000, until },
      });
    }
    return rows;
  }

  /** Rows of another definition with the columns of today's features. */
  #byToday(served: DefinedView, sql: string): string {
    const { view } = this.#today;
    const { quoteName, typeOf } = this.#reading.dialect;
    const at = matchFeatures(view.features, served.view.features);
    const own = historyColumns(served.view, served.entity).slice(0, -served.view.features.length);
    const features = view.features.map(({ name, type }, i) => {
      const value = at[i] === -1 ? `CAST(NULL AS ${typeOf(type)})` : quoteName(name);
      return `${value} AS ${quoteName(name)}`;
    });
    return `SELECT ${[...own.map(({ name }) => quoteName(name)), ...features].join(', ')} FROM (${sql})`;
  }

  /**
   * @returns the time up to which the history is complete under that definition: of a stored view always, of
   *          a snapshot view from its first run on; if another definition has taken over since, what its last complete
   *          run said; null: nowhere, or no row can be compared
   */
  completeUpTo(served: DefinedView): number | null {
    const { definitionId } = served.view;
    const known = this.#watermarks.get(definitionId);
    if (known !== undefined) return known;
    const watermarkUs = this.#watermarkOf(served);
    this.#watermarks.set(definitionId, watermarkUs);
    return watermarkUs;
  }

  #watermarkOf(served: DefinedView): number | null {
    if (!this.#isAlike(served)) return null;
    const { view, entity } = served;
    if (view.kind === 'stored') return Infinity;
    const ids = countingIds(view, entity.joinKeys);
    const mark = this.#snapshot?.mark(ids) ?? null;
    // What a snapshot said holds until the next one.
    if (view.kind === 'snapshot') return mark === null ? null : Infinity;
    if (mark !== null) return mark.watermarkUs;
    const own = this.#runs.filter((run) => run.state === 'complete' && ids.includes(run.definitionId));
    // A view may have more runs than a call takes arguments.
    return own.reduce<number | null>((most, run) => Math.max(most ?? run.watermarkUs, run.watermarkUs), null);
  }

  #isAlike({ view, entity }: DefinedView): boolean {
    const today = this.#today.entity;
    const keysOf = ({ joinKeys }: Entity): string => JSON.stringify(joinKeys);
    const isNamedSo = view.kind === 'stored' || view.entity === today.name;
    return isNamedSo && keysOf(entity) === keysOf(today);
  }
}
