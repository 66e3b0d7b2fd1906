/**
 * The replay of one role's open rows (replay/open-rows.ts). It joins the entity of each with the history at the served
 * time, by both as-of joins, and puts the row that was served beside the result. Training uses the same join
 * (project/engine/duckdb/as-of-join.ts).
 *
 *   replay_history      rows of the day's entities, under each definition that served one of its vectors or wrote one
 *                       of its rows; replay_rows: their times
 *   replay_trained      one row a vector: what is joined as trained;   replay_available: as available
 *   replay_own          what is joined as trained over the rows of the definition that wrote the served row, where that
 *                       is not the one that served it
 *   replay_clocked      the same at the times of corrected clocks (pod-clocks.ts)
 *   replay_base         one row a vector: what the rows that it missed are looked for by (missed-rows.ts)
 *
 * The joins tell rows of the history by their place there: values are fetched once a group (groups/).
 */
import type { AsOfRule } from '../../contract/as-of.ts';
import { joinAsOf } from '../../project/engine/duckdb/as-of-join.ts';
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { ViewHistory } from '../../project/engine/duckdb/history.ts';
import { hasHistory } from '../../contract/model.ts';
import type { Entity, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import type { ServedFeature } from '../replay/served-files.ts';
import { printSql } from '../as-served/row-print.ts';
import type { SparkReplay } from '../spark/spark-replay.ts';
import type { SparkSplits } from '../spark/spark-split.ts';
import { GroupPages } from '../groups/group-pages.ts';
import { layGroups } from '../groups/vector-groups.ts';
import { missedSql, pairSql } from './missed-rows.ts';
import { shownKeySql } from './replayed-vector.ts';
import { DEFINITION, HISTORY_ROW } from './replay-columns.ts';
import type { RoleKeys } from './role-keys.ts';
import type { JoinColumns } from './replay-columns.ts';
import type { PodClocks } from './pod-clocks.ts';
import type { DefinedView, RemovedRows, ServedHistory } from './served-history.ts';

/** What a view is replayed from, and by which definitions. */
interface ReplayedView {
  readonly used: ServiceView;
  /** Finds the rows in place of DuckDB; null: DuckDB does. */
  readonly spark: SparkSplits | null;
  readonly service: FeatureService;
  /** What the archive has of its rows, in the order of s0, h0 ... */
  readonly features: readonly ServedFeature[];
  /** The columns of the open rows that give the join keys, in the order of the entity's. */
  readonly joinColumns: readonly string[];
  /** The places of those of which the log has HMACs. */
  readonly hashed: readonly number[];
  /** How many of its rows are open. */
  readonly open: number;
  readonly clocks: PodClocks;
  /** Table of the vectors, as the archive numbers them, that are judged alone. */
  readonly asked: string;
  readonly ids: RoleKeys;
  /** How many groups are judged at once. */
  readonly groupsAtOnce: number;
  /** Whether rows of the history are laid out with which vectors agree. */
  readonly isLaid: boolean;
  /** The view in the bundle in force. */
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly history: ServedHistory;
  /** @returns the view in a bundle that vectors of the day name: that definition gives their delay, TTL and history */
  definedBy(bundle: string): DefinedView;
  /** @returns the view as rows of that definition have it; null: it is not known */
  definedAs(definitionId: number): DefinedView | null;
}

/** Vectors that share the definition, delay and TTL of their replay. */
interface Reading extends Pick<FeatureView, 'delayUs' | 'ttlUs'> {
  /** What follows FROM to read the vectors. */
  readonly labels: string;
  /** The definition id whose rows of the history they are replayed over. */
  readonly definition: number;
}

interface JoinedTable {
  readonly name: string;
  readonly mode: 'trained' | 'available';
  /** Whether it has the place of its rows in the history, or their times alone. */
  readonly isOfHistory: boolean;
}

const NESTED: ReadonlySet<string> = new Set(['list', 'embedding', 'map', 'struct']);

export class ViewReplay {
  readonly #duck: DuckDb;
  readonly #replayed: ReplayedView;
  readonly keys: readonly JoinColumns[];
  /** SELECTs of the view's whole history, one for each definition of the day. */
  readonly histories: string[] = [];
  /** Those definitions. */
  readonly #defined: DefinedView[] = [];
  /** Joins in place of DuckDB; null: DuckDB does. */
  #spark: SparkReplay | null = null;

  constructor(duck: DuckDb, replayed: ReplayedView) {
    const { entity, joinColumns } = replayed;
    this.#duck = duck;
    this.#replayed = replayed;
    this.keys = entity.joinKeys.map((key, i) => ({ label: joinColumns[i]!, row: key.name }));
  }

  /**
   * Runs the joins, and groups the vectors by what they give.
   *
   * @throws DuckDB's error when the history cannot be read
   */
  async join(): Promise<GroupPages> {
    const bundles = await this.#bundles();
    const written = await this.#writtenBy(bundles);
    const { nanos } = await this.#layHistory(bundles, written);
    const readings = this.#readings(bundles);
    await this.#joinAsOf({ name: 'replay_trained', mode: 'trained', isOfHistory: true }, readings, nanos);
    const isAllInTime = await this.#isAllInTime(readings, nanos);
    if (isAllInTime)
      await this.#duck.run(`CREATE OR REPLACE TEMP VIEW replay_available AS
        SELECT * RENAME (trained_row AS available_row) FROM replay_trained`);
    else
      await this.#joinAsOf(
        { name: 'replay_available', mode: 'available', isOfHistory: true },
        readings,
        nanos,
      );
    const own = this.#ownReadings(readings, written);
    await this.#joinAsOf({ name: 'replay_own', mode: 'trained', isOfHistory: false }, own, nanos);
    await this.#replayed.clocks.join((labels, name) =>
      this.#joinAsOf({ name, mode: 'trained', isOfHistory: false }, this.#readings(bundles, labels), nanos),
    );
    await this.#duck.run(this.#baseSql(bundles));
    const missed = missedSql(this.keys.length, 'replay_base');
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE replay_missed AS ${missed}`);
    const hashed = await this.#hashed();
    const modes = isAllInTime ? (['trained'] as const) : (['trained', 'available'] as const);
    const laid = await layGroups(this.#duck, this.#sharedColumns(bundles, hashed, modes));
    const keys = this.keys.length;
    return await GroupPages.lay(this.#duck, { ...this.#replayed, ...laid, hashed, keys, isAllInTime });
  }

  /** @returns the places of the features of which open rows have HMACs */
  async #hashed(): Promise<Set<number>> {
    const { hashed } = this.#replayed;
    if (hashed.length === 0) return new Set();
    const counts = hashed.map((i) => `count(h${i})::DOUBLE AS h${i}`);
    const [row] = await this.#duck.rows(`SELECT ${counts.join(', ')} FROM ${OPEN_ROWS}`);
    return new Set(hashed.filter((i) => row![`h${i}`] !== 0));
  }

  /** What the open rows have, in the order of s0, h0 ... */
  get features(): readonly ServedFeature[] {
    return this.#replayed.features;
  }

  /** @returns rows of these histories that count no more, as far as they are on the disk */
  async removed(): Promise<RemovedRows[]> {
    const { history } = this.#replayed;
    return (await Promise.all(this.#defined.map((one) => history.removedOf(one)))).flat();
  }

  /** @returns the bundles that vectors of the day name, each with its definition of the view */
  async #bundles(): Promise<Map<string, DefinedView>> {
    const rows = await this.#duck.rows(`SELECT DISTINCT bundle FROM ${OPEN_ROWS} ORDER BY bundle`);
    const names = rows.map(({ bundle }) => bundle as string);
    return new Map(names.map((name) => [name, this.#replayed.definedBy(name)]));
  }

  /** @returns the definitions that wrote rows of an aggregated view and are those of no bundle of the day, as known */
  async #writtenBy(bundles: ReadonlyMap<string, DefinedView>): Promise<DefinedView[]> {
    if (this.#replayed.view.kind === 'stored') return [];
    const served = new Set([...bundles.values()].map(({ view }) => view.definitionId));
    const rows = await this.#duck.rows(
      `SELECT DISTINCT definition_id FROM ${OPEN_ROWS} WHERE definition_id IS NOT NULL`,
    );
    const others = rows.map((row) => row['definition_id'] as number).filter((id) => !served.has(id));
    return others.flatMap((id) => this.#replayed.definedAs(id) ?? []);
  }

  async #layHistory(
    bundles: ReadonlyMap<string, DefinedView>,
    written: readonly DefinedView[],
  ): Promise<Pick<ViewHistory, 'nanos'>> {
    const { history, view } = this.#replayed;
    const same = this.keys.map((key) => `v.${key.label} = h.${quoteName(key.row)}`).join(' AND ');
    const rowsOf = (sql: string, definition: number): string =>
      `SELECT *, ${definition}::UINTEGER AS ${DEFINITION} FROM (${sql}) h
       WHERE EXISTS (SELECT 1 FROM ${OPEN_ROWS} v WHERE ${same})`;
    const today = await history.ofToday();
    await this.#duck.run(
      `CREATE OR REPLACE TEMP TABLE replay_history AS SELECT * FROM (${rowsOf(today.sql, 0)}) WHERE false`,
    );
    const all = [...bundles.values(), ...written];
    const selects = new Map<number, string>();
    const defined = new Map<number, DefinedView>();
    for (const one of new Map(all.map((each) => [each.view.definitionId, each])).values()) {
      const sql = await history.of(one);
      if (sql === null) continue;
      selects.set(one.view.definitionId, sql);
      defined.set(one.view.definitionId, one);
    }
    this.histories.push(...selects.values());
    this.#defined.push(...defined.values());
    const { spark, used } = this.#replayed;
    this.#spark = (await spark?.replay(used.role, history, defined, this.keys)) ?? null;
    if (this.#spark === null)
      for (const [definition, sql] of selects)
        await this.#duck.run(`INSERT INTO replay_history BY NAME ${rowsOf(sql, definition)}`);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE replay_rows AS ${this.#rowsSql(view)}`);
    return today;
  }

  /** Keys and times of the history's rows, without broken ones. No column has a name that definitions give. */
  #rowsSql(view: FeatureView): string {
    const columns = [
      ...this.keys.map(({ row }, i) => `${quoteName(row)} AS k${i}`),
      `${DEFINITION} AS definition, epoch_us(event_time) AS event_us, epoch_us(created_time) AS created_us`,
      'run_id, definition_id',
      `${hasHistory(view) ? 'coalesce(deleted, false)' : 'false'} AS deleted`,
    ];
    return `SELECT *, ${pairSql('event_us', 'created_us', 0)} AS pair
      FROM (SELECT ${columns.join(', ')} FROM replay_history WHERE event_time IS NOT NULL)`;
  }

  /**
   * @param table  with the columns of the open rows
   * @returns      its vectors, grouped by definition, delay and TTL: one group, unless one of these changed that day
   */
  #readings(bundles: ReadonlyMap<string, DefinedView>, table = OPEN_ROWS): Reading[] {
    const groups = Map.groupBy([...bundles], ([, { view }]) =>
      [view.definitionId, view.delayUs, view.ttlUs].join(' '),
    );
    return [...groups.values()].map((own) => {
      const { definitionId: definition, delayUs, ttlUs } = own[0]![1].view;
      const named = own.map(([bundle]) => quoteText(bundle)).join(', ');
      const labels = groups.size === 1 ? table : `(SELECT * FROM ${table} WHERE bundle IN (${named}))`;
      return { labels, definition, delayUs, ttlUs };
    });
  }

  /** The vectors whose row another definition wrote than served it, by that one, with their own delay and TTL. */
  #ownReadings(readings: readonly Reading[], written: readonly DefinedView[]): Reading[] {
    const known = [
      ...readings.map(({ definition }) => definition),
      ...written.map(({ view }) => view.definitionId),
    ];
    return [...new Set(known)].flatMap((id) =>
      readings
        .filter(({ definition }) => definition !== id)
        .map(({ labels, delayUs, ttlUs }): Reading => {
          const own = `SELECT vid FROM ${OPEN_ROWS} WHERE definition_id = ${id}`;
          return {
            labels: `(SELECT * FROM ${labels} WHERE vid IN (${own}))`,
            definition: id,
            delayUs,
            ttlUs,
          };
        }),
    );
  }

  /** Whether each row had been created before joins see it: then an honest store had what training sees. */
  async #isAllInTime(readings: readonly Reading[], nanos: ViewHistory['nanos']): Promise<boolean> {
    if (nanos) return false;
    const late = readings.map(
      ({ definition, delayUs }) => `${DEFINITION} = ${definition} AND
        event_time IS NOT NULL AND coalesce(epoch_us(created_time) - ${delayUs} > epoch_us(event_time), true)`,
    );
    const found = await this.#duck.rows(
      `SELECT 1 FROM replay_history WHERE ${['false', ...late.map((one) => `(${one})`)].join(' OR ')} LIMIT 1`,
    );
    return found.length === 0;
  }

  async #joinAsOf(
    { name: table, mode, isOfHistory }: JoinedTable,
    readings: readonly Reading[],
    nanos: ViewHistory['nanos'],
  ): Promise<void> {
    const { view } = this.#replayed;
    const outputs = [{ feature: HISTORY_ROW, as: `${mode}_row` }];
    const parts: string[] = [];
    for (const [i, { labels, definition, delayUs, ttlUs }] of readings.entries()) {
      const join = {
        labels,
        rid: 'vid',
        time: 'served_us',
        history: [
          `SELECT *, rowid AS ${quoteName(HISTORY_ROW)} FROM replay_history WHERE ${DEFINITION} = ${definition}`,
        ],
        nanos,
        tombstones: hasHistory(view),
        keys: this.keys,
        features: view.features,
        outputs: isOfHistory ? outputs : [],
        mode,
        delayUs,
        ttlUs,
      };
      const own = readings.length === 1 ? table : `${table}_${i}`;
      if (this.#spark === null) await joinAsOf(this.#duck, join, own);
      else await this.#spark.joinAsOf(join, definition, own);
      parts.push(`SELECT * FROM ${table}_${i}`);
    }
    if (readings.length === 1) return;
    const nothing = `SELECT NULL::BIGINT AS rid, NULL::BIGINT AS asof_event_us, NULL::BIGINT AS asof_created_us WHERE false`;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${table} AS ${parts.join(' UNION ALL ') || nothing};
      ${readings.map((_, i) => `DROP TABLE ${table}_${i}`).join('; ')}`);
  }

  #baseSql(bundles: ReadonlyMap<string, DefinedView>): string {
    const labels = this.keys.map((key, i) => `v.${key.label} AS k${i}`).join(', ');
    return `CREATE OR REPLACE TEMP TABLE replay_base AS SELECT v.vid, ${labels}, v.served_us, v.fetched_us,
        ${bundleSql(bundles, ({ view }) => view.definitionId)} AS definition,
        ${bundleSql(bundles, ({ view }) => view.ttlUs)} AS ttl_us,
        v.event_us, v.created_us, ${pairSql('v.event_us', 'v.created_us', 'last')} AS pair,
        ${pairSql('t.asof_event_us', 't.asof_created_us', 0)} AS trained_pair
      FROM ${OPEN_ROWS} v JOIN replay_trained t ON t.rid = v.vid`;
  }

  /** What vectors of a group share: what is read of its first one (replayed-vector.ts), but its times and places. */
  #sharedColumns(
    bundles: ReadonlyMap<string, DefinedView>,
    hashed: ReadonlySet<number>,
    modes: readonly AsOfRule['mode'][],
  ): Parameters<typeof layGroups>[1] {
    const { service, view, features, clocks, asked, ids, joinColumns } = this.#replayed;
    const replayed = modes.flatMap((mode) =>
      ['state', 'deleted', 'event_us', 'created_us', 'run_id', 'definition_id']
        .map((name) => `${mode}.asof_${name}`)
        .concat(`${mode}.${mode}_row`),
    );
    const edge = (of: (defined: DefinedView) => number | null): string => bundleSql(bundles, of);
    const hop = edge(({ view: { hopUs } }) => hopUs);
    const complete = edge((defined) => this.#replayed.history.completeUpTo(defined));
    const unjudged =
      view.kind !== 'aggregated'
        ? []
        : [`(v.served_us - ${edge(({ view: { delayUs } }) => delayUs)}) // ${hop} * ${hop} > ${complete}`];
    const alone = [`SELECT v.vid FROM ${OPEN_ROWS} v JOIN ${asked} a ON a.vid = v.origin`, ...clocks.stepped];
    const shown = service.requestKeys.map((_, i) => shownKeySql(i));
    return {
      entity: ids.sql(shown, bundles.keys()),
      served: [
        ids.sql(shown, bundles.keys()),
        ...joinColumns.map((column) => `v.${column}`),
        'v.bundle, v.service_version, v.surface, v.hmac_key, v.status, v.is_decoded',
        'v.event_us, v.created_us, v.written_ms, v.definition_id',
        // A print has the text of nested values, which alone may coincide.
        printSql(features.map(({ type }, i) => ({ type, sql: `v.s${i}` }))),
        ...features.flatMap(({ type }, i) => (NESTED.has(type.kind) ? `v.s${i}` : [])),
        ...[...hashed].map((i) => `v.h${i}`),
        ...unjudged,
      ],
      replayed: [
        ...replayed,
        'm.event_us, m.created_us, m.run_id, m.definition_id, m.deleted',
        'own.asof_event_us, own.asof_created_us',
        'alone.vid',
      ],
      joins: `${modes.includes('available') ? 'JOIN replay_available available ON available.rid = v.vid' : ''}
        LEFT JOIN replay_own own ON own.rid = v.vid LEFT JOIN replay_missed m ON m.vid = v.vid
        LEFT JOIN (SELECT DISTINCT vid FROM (${alone.join(' UNION ALL ')})) alone ON alone.vid = v.vid`,
    };
  }
}

/** @returns SQL of a number that the bundle of the vector `v` decides */
function bundleSql(
  bundles: ReadonlyMap<string, DefinedView>,
  of: (defined: DefinedView) => number | null,
): string {
  const cases = [...bundles].map(
    ([bundle, defined]) => `WHEN ${quoteText(bundle)} THEN ${of(defined) ?? 'NULL'}`,
  );
  return cases.length === 0 ? 'NULL::BIGINT' : `CAST(CASE v.bundle ${cases.join(' ')} END AS BIGINT)`;
}
