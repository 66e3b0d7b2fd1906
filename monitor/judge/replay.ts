/**
 * The replay of one view of a service over a day. It joins the entity of every vector with the history at the served
 * time, by both as-of joins, and puts the row that was served beside the result. Training uses the same join
 * (project/engine/duckdb/as-of-join.ts).
 *
 *   replay_history      rows of the day's entities, under each definition that served one of its vectors
 *   replay_trained      one row a vector: what is joined as trained;   replay_available: as available
 *   replay_missed       of vectors whose replayed row is newer than the served one: the first row after the served one
 *   replay_pairs        all of it together (replayed-vector.ts)
 */
import { joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { ViewHistory } from '../../project/engine/duckdb/history.ts';
import type { Entity, FeatureView, ServiceView } from '../../contract/model.ts';
import type { DayOfService } from '../day/day-tables.ts';
import { readVector, vectorColumns } from './replayed-vector.ts';
import type { ReplayedVector } from './replayed-vector.ts';
import type { DefinedView, ServedHistory } from './served-history.ts';

/** What a view is replayed from, and by which definitions. */
interface ReplayedView {
  readonly used: ServiceView;
  /** The view in the bundle in force. */
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly history: ServedHistory;
  /** @returns the view in a bundle that vectors of the day name: that definition gives their delay, TTL and history */
  definedBy(bundle: string): DefinedView;
}

/** Vectors that share the definition, delay and TTL of their replay. */
interface Reading extends Pick<FeatureView, 'delayUs' | 'ttlUs'> {
  /** What follows FROM to read the vectors. */
  readonly labels: string;
  /** The definition id whose rows of the history they are replayed over. */
  readonly definition: number;
}

/** Column of a row of the history: the definition that it belongs to. No join key or feature can have this name. */
const DEFINITION = quoteName('~definition');
const PAGE_VECTORS = 20_480;

export class ViewReplay {
  readonly #duck: DuckDb;
  readonly #day: DayOfService;
  readonly #replayed: ReplayedView;
  /** The column of each join key, in the vectors and in the history. */
  readonly #keys: readonly { readonly label: string; readonly row: string }[];

  constructor(duck: DuckDb, day: DayOfService, replayed: ReplayedView) {
    const { used, entity } = replayed;
    this.#duck = duck;
    this.#day = day;
    this.#replayed = replayed;
    this.#keys = entity.joinKeys.map((key, i) => ({
      label: `key_${day.service.requestKeys.findIndex((request) => request.name === used.requestKeys[i])}`,
      row: key.name,
    }));
  }

  /**
   * Runs the joins; afterwards `vectors` reads the result.
   *
   * @throws DuckDB's error when the history cannot be read
   */
  async join(): Promise<void> {
    const bundles = await this.#bundles();
    const { nanos } = await this.#layHistory(bundles);
    const readings = this.#readings(bundles);
    for (const mode of ['trained', 'available'] as const) await this.#joinAsOf(mode, readings, nanos);
    const definition = definitionSql(bundles);
    await this.#duck.run(this.#missedSql(definition));
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE replay_pairs AS ${this.#pairsSql(definition)}`);
  }

  /**
   * Yields each vector that has a row of the role, in the order of the log. It reads pages: a single stream would end
   * when another statement runs on the connection.
   */
  async *vectors(): AsyncGenerator<ReplayedVector> {
    const { vectors, service } = this.#day;
    for (let vid = 0; vid < vectors; vid += PAGE_VECTORS) {
      const rows = await this.#duck.rows(
        `SELECT * FROM replay_pairs WHERE vid >= ${vid} AND vid < ${vid + PAGE_VECTORS} ORDER BY vid`,
      );
      for (const row of rows) yield readVector(row, service, this.#replayed.view);
    }
  }

  /** @returns the bundles that vectors of the day name, each with its definition of the view */
  async #bundles(): Promise<Map<string, DefinedView>> {
    const rows = await this.#duck.rows(
      `SELECT DISTINCT bundle FROM ${this.#day.vectorTable} ORDER BY bundle`,
    );
    const names = rows.map(({ bundle }) => bundle as string);
    return new Map(names.map((name) => [name, this.#replayed.definedBy(name)]));
  }

  async #layHistory(bundles: ReadonlyMap<string, DefinedView>): Promise<Pick<ViewHistory, 'nanos'>> {
    const { history } = this.#replayed;
    const same = this.#keys.map((key) => `v.${key.label} = h.${quoteName(key.row)}`).join(' AND ');
    const rowsOf = (sql: string, definition: number): string =>
      `SELECT *, ${definition}::UINTEGER AS ${DEFINITION} FROM (${sql}) h
       WHERE EXISTS (SELECT 1 FROM ${this.#day.vectorTable} v WHERE ${same})`;
    const today = await history.ofToday();
    await this.#duck.run(
      `CREATE OR REPLACE TEMP TABLE replay_history AS SELECT * FROM (${rowsOf(today.sql, 0)}) WHERE false`,
    );
    const definitions = new Map([...bundles.values()].map((one) => [one.view.definitionId, one]));
    for (const [definition, defined] of definitions) {
      const sql = await history.of(defined);
      if (sql !== null) await this.#duck.run(`INSERT INTO replay_history BY NAME ${rowsOf(sql, definition)}`);
    }
    return today;
  }

  /**
   * @returns the day's vectors, grouped by definition, delay and TTL: one group, unless one of these changed that day
   */
  #readings(bundles: ReadonlyMap<string, DefinedView>): Reading[] {
    const { vectorTable } = this.#day;
    const groups = Map.groupBy([...bundles], ([, { view }]) =>
      [view.definitionId, view.delayUs, view.ttlUs].join(' '),
    );
    return [...groups.values()].map((own) => {
      const { definitionId: definition, delayUs, ttlUs } = own[0]![1].view;
      const named = own.map(([bundle]) => quoteText(bundle)).join(', ');
      const labels =
        groups.size === 1 ? vectorTable : `(SELECT * FROM ${vectorTable} WHERE bundle IN (${named}))`;
      return { labels, definition, delayUs, ttlUs };
    });
  }

  async #joinAsOf(
    mode: 'trained' | 'available',
    readings: readonly Reading[],
    nanos: ViewHistory['nanos'],
  ): Promise<void> {
    const { view } = this.#replayed;
    const parts: string[] = [];
    for (const [i, { labels, definition, delayUs, ttlUs }] of readings.entries()) {
      const join = {
        labels,
        rid: 'vid',
        time: 'served_us',
        history: [`SELECT * FROM replay_history WHERE ${DEFINITION} = ${definition}`],
        nanos,
        tombstones: view.kind === 'aggregated',
        keys: this.#keys,
        features: view.features,
        outputs: view.features.map(({ name }) => ({ feature: name, as: `${mode}_${name}` })),
        mode,
        delayUs,
        ttlUs,
      };
      await joinAsOf(this.#duck, join, `replay_${mode}_${i}`);
      parts.push(`SELECT * FROM replay_${mode}_${i}`);
    }
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE replay_${mode} AS ${parts.join(' UNION ALL ')};
      ${readings.map((_, i) => `DROP TABLE replay_${mode}_${i}`).join('; ')}`);
  }

  #missedSql(definition: string): string {
    const keys = this.#keys;
    const { vectorTable, rowTable } = this.#day;
    const rowKeys = keys.map((key) => quoteName(key.row));
    const same = keys.map((key) => `l.${key.label} = e.${quoteName(key.row)}`);
    const on = [...same, `l.definition = e.${DEFINITION}`].join(' AND ');
    const role = quoteText(this.#replayed.used.role);
    return `CREATE OR REPLACE TEMP TABLE replay_missed AS
      WITH l AS (SELECT v.vid, ${keys.map((key) => `v.${key.label}`).join(', ')}, coalesce(r.event_us, -1) AS event_us,
          ${definition} AS definition FROM ${vectorTable} v JOIN ${rowTable} r ON r.vid = v.vid AND r.role = ${role}
        JOIN replay_trained t ON t.rid = v.vid WHERE t.asof_event_us > coalesce(r.event_us, -1)),
      e AS (SELECT DISTINCT ${rowKeys.join(', ')}, ${DEFINITION}, epoch_us(event_time) AS event_us FROM replay_history
        WHERE event_time IS NOT NULL)
      SELECT l.vid, e.event_us FROM l ASOF JOIN e ON ${on} AND l.event_us < e.event_us`;
  }

  #pairsSql(definition: string): string {
    const { used, view } = this.#replayed;
    const { service, vectorTable, rowTable } = this.#day;
    const rowKeys = this.#keys.map((key) => quoteName(key.row));
    const same = this.#keys.map((key) => `known.${quoteName(key.row)} = v.${key.label}`);
    const known = [...same, `known.${DEFINITION} = ${definition}`].join(' AND ');
    return `SELECT ${vectorColumns(service, view)} FROM ${vectorTable} v
      JOIN ${rowTable} r ON r.vid = v.vid AND r.role = ${quoteText(used.role)}
      JOIN replay_trained trained ON trained.rid = v.vid
      JOIN replay_available available ON available.rid = v.vid
      LEFT JOIN replay_missed m ON m.vid = v.vid
      LEFT JOIN (SELECT DISTINCT ${rowKeys.join(', ')}, ${DEFINITION}, true AS found FROM replay_history) known
        ON ${known}`;
  }
}

/** @returns SQL of the id of the definition that served the vector `v` */
function definitionSql(bundles: ReadonlyMap<string, DefinedView>): string {
  const cases = [...bundles].map(
    ([bundle, { view }]) => `WHEN ${quoteText(bundle)} THEN ${view.definitionId}`,
  );
  return cases.length === 0 ? 'NULL' : `CASE v.bundle ${cases.join(' ')} END`;
}
