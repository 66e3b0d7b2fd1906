/**
 * The rows that follow from when each vector was served, where its row is not what its own times say: of a foreign row
 * what an honest store had at the fetch, of a restamped one the oldest row that was missed, by the times that stand for
 * the served ones.
 *
 *   found_honest   place, vid | missed_event_us ...: the row; null: there is none
 *   found_missed   place, vid | of_event_us, of_created_us: the times that stand | missed_event_us ...: as above
 *
 * They are looked up once, for all groups of a role that may be such by what SQL tells of their values
 * (print-search.ts). What the judge finds to be such beside these is asked for when it is met.
 */
import type { FeatureView } from '../../contract/model.ts';
import type { DuckDb, SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { ReplayedTimes } from '../causes/facts.ts';
import type { RowTimes } from '../causes/row-order.ts';
import { MEMBERS } from '../groups/vector-groups.ts';
import { missedSql, pairSql } from '../judge/missed-rows.ts';
import { missedAt, missedColumns } from '../judge/replayed-vector.ts';
import type { MissedColumns } from '../judge/replayed-vector.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { OTHERS, STAMPED, SUSPECTS } from './print-search.ts';

const HONEST = 'found_honest';
const MISSED = 'found_missed';
/** Vectors that are looked for; of restamped rows with the times that stand for the served ones. */
const FOREIGN_VECTORS = 'foreign_vectors';
const STAMPED_VECTORS = 'stamped_vectors';

/** A vector whose row was restamped, and the times that stand. */
interface StampedVector {
  readonly vid: number;
  readonly row: RowTimes;
}

interface FoundMissed {
  readonly of: RowTimes;
  readonly missed: ReplayedTimes | null;
}

const TIMES = ['event_us', 'created_us', 'run_id', 'definition_id', 'deleted'];

export class FollowingRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #replay: ViewReplay;
  /** Of the vectors of a page. */
  #honest: FoundRows;
  /** By vid. */
  #missed = new Map<number, FoundMissed>();
  /** What was asked for beside these. */
  #asked: FoundRows;

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#replay = replay;
    this.#honest = this.#asked = new FoundRows({ vid: [] }, view);
  }

  /** Called when the search is prepared. */
  async lay(): Promise<void> {
    const ofBase = (vectors: string): string =>
      `(SELECT b.* FROM replay_base b SEMI JOIN ${vectors} f ON f.vid = b.vid)`;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${FOREIGN_VECTORS} AS
        SELECT m.place, m.vid FROM ${MEMBERS} m WHERE m.place IN (${this.#foreignSql()});
      CREATE OR REPLACE TEMP TABLE ${HONEST} AS SELECT f.place::DOUBLE AS place, f.vid::DOUBLE AS vid, ${timesSql('h')}
        FROM ${FOREIGN_VECTORS} f LEFT JOIN (${this.#honestSql(ofBase(FOREIGN_VECTORS))}) h ON h.vid = f.vid
        ORDER BY f.place;
      DROP TABLE ${FOREIGN_VECTORS}`);
    // Without a TTL what was missed is that of the first vector.
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${STAMPED_VECTORS} AS
        SELECT m.place, m.vid, s.event_us::BIGINT AS event_us, s.created_us::BIGINT AS created_us
        FROM ${STAMPED} s JOIN ${MEMBERS} m ON m.place = s.place JOIN replay_base b ON b.vid = m.vid
        WHERE b.ttl_us IS NOT NULL OR m.vid = s.vid;
      CREATE OR REPLACE TEMP TABLE ${MISSED} AS SELECT s.place::DOUBLE AS place, s.vid::DOUBLE AS vid,
          s.event_us::DOUBLE AS of_event_us, s.created_us::DOUBLE AS of_created_us, ${timesSql('h')}
        FROM ${STAMPED_VECTORS} s LEFT JOIN (${this.#missedSql(STAMPED_VECTORS)}) h ON h.vid = s.vid ORDER BY s.place;
      DROP TABLE ${STAMPED_VECTORS}`);
  }

  async end(): Promise<void> {
    await this.#duck.run(`DROP TABLE ${HONEST}; DROP TABLE ${MISSED}`);
  }

  /** Takes the rows of the groups from a place to before another. */
  async open(from: number, until: number): Promise<void> {
    const ofPage = `WHERE place >= ${from} AND place < ${until}`;
    this.#honest = this.#read(await this.#duck.columns(`SELECT * EXCLUDE (place) FROM ${HONEST} ${ofPage}`));
    const columns = await this.#duck.columns(`SELECT * FROM ${MISSED} ${ofPage}`);
    const rows = missedColumns(columns);
    this.#missed = new Map(
      (columns['vid'] as number[]).map((vid, at) => {
        const eventUs = columns['of_event_us']![at] as number;
        const createdUs = columns['of_created_us']![at] as number | null;
        return [vid, { of: { eventUs, createdUs }, missed: missedAt(rows, at, this.#view) }];
      }),
    );
  }

  /** Looks up what is not known yet of `honestOf`, for the vectors of groups. */
  async findHonest(groups: readonly Iterable<number>[]): Promise<void> {
    const others: number[] = [];
    for (const vids of groups) for (const vid of vids) if (!this.#honest.has(vid)) others.push(vid);
    if (others.length === 0) return;
    const base = `(SELECT * FROM replay_base WHERE vid IN (${others.join(', ')}))`;
    this.#asked = await this.#ask(this.#honestSql(base));
  }

  /** @returns the newest row of the entity that was created by the fetch; null: there is none. The same for the same */
  honestOf(vid: number): ReplayedTimes | null {
    return this.#honest.has(vid) ? this.#honest.of(vid) : this.#asked.of(vid);
  }

  /** @returns by vid the oldest row that was missed; null or not there: none was */
  async missedOf(stamped: readonly StampedVector[]): Promise<Map<number, ReplayedTimes | null>> {
    const found = new Map<number, ReplayedTimes | null>();
    const others: string[] = [];
    for (const { vid, row } of stamped) {
      const known = this.#missed.get(vid);
      if (known?.of.eventUs === row.eventUs && known.of.createdUs === row.createdUs)
        found.set(vid, known.missed);
      else others.push(`(${vid}, ${row.eventUs}::BIGINT, ${row.createdUs ?? 'NULL'}::BIGINT)`);
    }
    if (others.length === 0) return found;
    const asked = `(SELECT * FROM (VALUES ${others.join(', ')}) s(vid, event_us, created_us))`;
    const rows = await this.#ask(this.#missedSql(asked));
    for (const vid of rows.vids) found.set(vid, rows.of(vid));
    return found;
  }

  /** Groups whose row may be that of another entity: another one has its values, or its own has no row of its times. */
  #foreignSql(): string {
    const on = [...this.#replay.keys.map((_, i) => `e.k${i} = b.k${i}`), 'e.event_us = b.event_us'];
    return `SELECT place FROM ${OTHERS} UNION SELECT s.place FROM ${SUSPECTS} s JOIN replay_base b ON b.vid = s.vid
      WHERE NOT EXISTS (SELECT 1 FROM replay_rows e WHERE ${on.join(' AND ')} AND NOT e.deleted
        AND e.created_us IS NOT DISTINCT FROM b.created_us)`;
  }

  /**
   * Rows are ranked once, and the highest rank that has been created by a time is what an ASOF join finds: an entity
   * that is asked for often, and has many rows, costs their sum.
   *
   * @param base  FROM item with rows of replay_base
   * @returns     a SELECT of vid and a row's times
   */
  #honestSql(base: string): string {
    const of = [...this.#replay.keys.map((_, i) => `k${i}`), 'definition'];
    const on = (left: string, right: string): string =>
      of.map((name) => `${left}.${name} = ${right}.${name}`).join(' AND ');
    return `WITH b AS MATERIALIZED (SELECT ${of.join(', ')}, vid, fetched_us FROM ${base} WHERE fetched_us IS NOT NULL),
      e AS MATERIALIZED (SELECT ${of.join(', ')}, event_us, created_us, run_id, definition_id, deleted,
          greatest(event_us, created_us) AS since,
          row_number() OVER (PARTITION BY ${of.join(', ')} ORDER BY pair, run_id NULLS FIRST) AS n
        FROM replay_rows SEMI JOIN b USING (${of.join(', ')}) WHERE NOT deleted AND created_us IS NOT NULL),
      seen AS (SELECT ${of.join(', ')}, since, max(n) OVER (PARTITION BY ${of.join(', ')} ORDER BY since) AS n FROM e),
      h AS (SELECT b.vid, s.* FROM b ASOF JOIN seen s ON ${on('b', 's')} AND b.fetched_us >= s.since)
      SELECT h.vid, e.* FROM h JOIN e ON ${on('h', 'e')} AND h.n = e.n`;
  }

  /** @param stamped  FROM item with vid, event_us, created_us; @returns a SELECT of vid and a row's times */
  #missedSql(stamped: string): string {
    const pair = pairSql('s.event_us', 's.created_us', 'last');
    const base = `(SELECT b.* REPLACE (${pair} AS pair) FROM replay_base b JOIN ${stamped} s ON s.vid = b.vid)`;
    return missedSql(this.#replay.keys.length, base);
  }

  async #ask(rows: string): Promise<FoundRows> {
    return this.#read(
      await this.#duck.columns(`SELECT h.vid::DOUBLE AS vid, ${timesSql('h')} FROM (${rows}) h`),
    );
  }

  #read(columns: SqlColumns): FoundRows {
    return new FoundRows(columns, this.#view);
  }
}

/** Rows that were found, by the vid of their vector, in columns until they are asked for. */
class FoundRows {
  readonly #rows: MissedColumns;
  readonly #view: FeatureView;
  readonly #places: ReadonlyMap<number, number>;
  /** The one before: the next is mostly the same. */
  #last: ReplayedTimes | null = null;
  #lastAt = -1;

  constructor(columns: SqlColumns, view: FeatureView) {
    this.#rows = missedColumns(columns);
    this.#view = view;
    this.#places = new Map((columns['vid'] as number[]).map((vid, at) => [vid, at]));
  }

  get vids(): Iterable<number> {
    return this.#places.keys();
  }

  has(vid: number): boolean {
    return this.#places.has(vid);
  }

  /** @returns the row of a vector; null: it has none */
  of(vid: number): ReplayedTimes | null {
    const at = this.#places.get(vid);
    if (at === undefined || this.#rows.eventUs[at] === null) return null;
    if (!this.#isSame(at, this.#lastAt)) {
      this.#last = missedAt(this.#rows, at, this.#view);
      this.#lastAt = at;
    }
    return this.#last;
  }

  #isSame(a: number, b: number): boolean {
    const { eventUs, createdUs, runIds, definitionIds, deleted } = this.#rows;
    return (
      eventUs[a] === eventUs[b] &&
      createdUs[a] === createdUs[b] &&
      runIds[a] === runIds[b] &&
      definitionIds[a] === definitionIds[b] &&
      deleted[a] === deleted[b]
    );
  }
}

/** The columns by which `missedOf` reads a row. */
function timesSql(table: string): string {
  const sqlOf = (name: string): string =>
    name.endsWith('_us') ? `CAST(${table}.${name} AS DOUBLE)` : `${table}.${name}`;
  return TIMES.map((name) => `${sqlOf(name)} AS missed_${name}`).join(', ');
}
