/**
 * The as-of rule as a join in DuckDB, both modes, safe when one key is hot. `as-of.ts` is what it must agree with.
 *
 *   labels: those that can see anything, with `t`, the time less the delay
 *   hits:   ASOF join of the labels with keys and times of the history, narrowed to the labels' keys and times. `hit`
 *           names what was found: as trained the event time; as available the pair (event, created) as one number,
 *           as a running maximum over the time at which rows become visible, since the row that became visible last
 *           need not be the newest
 *   found:  the rows behind the hits, with the wanted features and no others
 *   ties:   looked for by counting; only rows that share their `hit` are compared, by created time, then by values
 *
 * So the cost follows the labels: of a long history two narrow columns are read whole, and only the rows of the labels'
 * entities are sorted.
 *
 * Traps that this form keeps clear of (each met and measured): an ASOF join breaks ties by its plan, so `hit` is the
 * same for all rows it may choose from; DuckDB 1.5 matches labels whose time is NULL when the left side is large, so
 * they are left out before; times are BIGINT microseconds, because a TIMESTAMP less an INTERVAL follows calendars and
 * precisions; NULLs FIRST is spelled; keys must have equal types, because BIGINT = DOUBLE compares as doubles.
 *
 * Called by the training join (training/train.ts) and the monitor's replay.
 */
import { canonicalOrderSql } from './as-of-sql.ts';
import { quoteName, quoteText } from './duckdb.ts';
import type { DuckDb } from './duckdb.ts';
import { CREATED_NS, EVENT_NS } from './sources/stored-rows.ts';
import type { ValueType } from '../../../contract/value-type.ts';

export interface AsOfJoin {
  /** FROM item of the labels: a table, or a SELECT in parentheses. */
  readonly labels: string;
  /** Column of the labels that is unique and stable: BIGINT. */
  readonly rid: string;
  /** Column of the labels: BIGINT microseconds; NULL sees nothing. */
  readonly time: string;
  /** SELECTs of the history as `openHistory` gives it. All event times of one lie before those of the one before it. */
  readonly history: readonly string[];
  /** Whether they have EVENT_NS and CREATED_NS, which order rows within a microsecond. */
  readonly nanos: boolean;
  /** Whether they have `deleted`: rows from which on an entity has none. */
  readonly tombstones: boolean;
  /** Pairs of columns; both of the join key's type. A NULL matches nothing. */
  readonly keys: readonly { readonly label: string; readonly row: string }[];
  /** All features of the view, in its order: together they make the order of rows total. */
  readonly features: readonly { readonly name: string; readonly type: ValueType }[];
  /** Which of them come out, and as what. */
  readonly outputs: readonly { readonly feature: string; readonly as: string }[];
  readonly mode: 'trained' | 'available';
  readonly delayUs: number;
  readonly ttlUs: number | null;
}

/** What became of a label, in column `asof_state`. */
export const NO_ROW = 0;
export const ROW_FOUND = 1;
export const ROW_OUTSIDE_TTL = 2;

const FEW_KEYS = 100;

const TABLES = ['labels', 'hits', 'found', 'tied', 'best'];

/**
 * Makes a table with one row for each label, in the order of `rid`; replaces one of that name. Its columns: `rid`,
 * `asof_state` (NO_ROW, ROW_FOUND, ROW_OUTSIDE_TTL), and the outputs, NULL unless ROW_FOUND. Where there is a row,
 * also one outside its TTL or a tombstone (which is NO_ROW and has `asof_deleted`): `asof_event_us`,
 * `asof_created_us`, `asof_run_id`, `asof_definition_id`.
 *
 * @throws DuckDB's error when the history cannot be read
 */
export async function joinAsOf(duck: DuckDb, join: AsOfJoin, table: string): Promise<void> {
  const keys = join.keys.map((_, i) => `k${i}`);
  const labels = join.keys.map(({ label }, i) => `${quoteName(label)} AS k${i}`).join(', ');
  const some = join.keys.map(({ label }) => `${quoteName(label)} IS NOT NULL`);
  await duck.run(`CREATE OR REPLACE TEMP TABLE asof_labels AS
    SELECT ${quoteName(join.rid)} AS rid, ${quoteName(join.time)} - ${join.delayUs} AS t, ${labels}
    FROM ${join.labels} WHERE ${[...some, `${quoteName(join.time)} IS NOT NULL`].join(' AND ')}`);
  const history = await ofFewKeys(duck, join);
  let read = 0;
  for (const part of history) {
    const [left] = await duck.rows('SELECT count(*) AS n, max(t) AS last FROM asof_labels');
    if (read > 0 && left!['n'] === 0n) break;
    const until = left!['last'] === null ? 'false' : `event_us <= ${left!['last'] as bigint}`;
    await duck.run(intoSql('asof_hits', hitsSql(join, part, keys, until), read === 0));
    await duck.run(intoSql('asof_found', foundSql(join, part, keys), read === 0));
    read += 1;
    if (read < history.length)
      await duck.run('DELETE FROM asof_labels WHERE rid IN (SELECT rid FROM asof_hits)');
  }
  await foldTies(duck, join, history.slice(0, read), keys);
  const found = `SELECT h.rid, f.* FROM asof_hits h JOIN asof_found f ON ${on([...keys, 'hit'], 'h', 'f')}`;
  await answerAsOf(duck, join, found, table);
  await duck.run(TABLES.map((name) => `DROP TABLE IF EXISTS asof_${name}`).join('; '));
}

/** The first part of the history makes the table. */
function intoSql(table: string, rows: string, isFirst: boolean): string {
  return isFirst ? `CREATE OR REPLACE TEMP TABLE ${table} AS ${rows}` : `INSERT INTO ${table} ${rows}`;
}

/**
 * Where the labels have few keys, the history is filtered by their values: the reader of its files then skips the other
 * columns of all other rows, which it does not do for a join.
 */
async function ofFewKeys(duck: DuckDb, { keys, history }: AsOfJoin): Promise<readonly string[]> {
  const rows = await duck.rows(`SELECT DISTINCT k0 FROM asof_labels LIMIT ${FEW_KEYS + 1}`);
  if (rows.length === 0 || rows.length > FEW_KEYS) return history;
  const values = rows.map(({ k0 }) => (typeof k0 === 'string' ? quoteText(k0) : String(k0)));
  const only = `${quoteName(keys[0]!.row)} IN (${values.join(', ')})`;
  return history.map((part) => `SELECT * FROM (${part}) WHERE ${only}`);
}

/** The visible rows of a part of the history: keys as k0, k1, ..., times in microseconds, `hit`, and more columns. */
function rowsSql(join: AsOfJoin, part: string, more: readonly string[]): string {
  const created = join.mode === 'available' ? ['created_time'] : [];
  const needed = [...join.keys.map(({ row }) => quoteName(row)), 'event_time', ...created];
  const columns = [
    ...join.keys.map(({ row }, i) => `r.${quoteName(row)} AS k${i}`),
    'epoch_us(r.event_time) AS event_us, epoch_us(r.created_time) AS created_us',
    ...more,
  ];
  const event = join.nanos ? `(event_us::HUGEINT * 1000 + event_ns)` : 'event_us';
  if (join.nanos) columns.push(`r.${quoteName(EVENT_NS)} AS event_ns`);
  // A row that was not created before the year 2255 is visible to no label.
  const hit = join.mode === 'trained' ? event : `${event}::HUGEINT * ${2n ** 53n} + created_us`;
  return (
    `(SELECT *, ${hit} AS hit FROM (SELECT ${columns.join(', ')} FROM (${part}) r ` +
    `WHERE ${needed.map((column) => `r.${column} IS NOT NULL`).join(' AND ')}))`
  );
}

/** @param until  a condition on `event_us` that holds of all rows that a label may see */
function hitsSql(join: AsOfJoin, part: string, keys: readonly string[], until: string): string {
  const list = keys.join(', ');
  const ofLabels = `${rowsSql(join, part, [])} SEMI JOIN asof_labels USING (${list})`;
  const visibleAt =
    join.mode === 'available' ? `greatest(event_us, created_us - ${join.delayUs})` : 'event_us';
  const visible =
    join.mode === 'trained' && !join.nanos
      ? `SELECT ${list}, event_us AS av, hit FROM ${ofLabels} WHERE ${until}`
      : // Rows that become visible at one time share the maximum, so that it does not matter which of them is met.
        `SELECT ${list}, av, max(hit) OVER (PARTITION BY ${list} ORDER BY av) AS hit FROM
          (SELECT *, ${visibleAt} AS av FROM ${ofLabels} WHERE ${until})`;
  return `SELECT l.rid, ${keys.map((key) => `l.${key}`).join(', ')}, h.hit
    FROM asof_labels l ASOF JOIN (${visible}) h ON ${on(keys, 'l', 'h')} AND l.t >= h.av`;
}

function foundSql(join: AsOfJoin, part: string, keys: readonly string[]): string {
  return `SELECT * FROM ${rowsSql(join, part, answerColumns(join))}
    SEMI JOIN asof_hits USING (${[...keys, 'hit'].join(', ')})`;
}

/** What leaves the join of a row: its origin, and the wanted features as o0, o1, ... */
function answerColumns(join: AsOfJoin): string[] {
  const outputs = join.outputs.map(({ feature }, i) => `r.${quoteName(feature)} AS o${i}`);
  const deleted = join.tombstones ? 'coalesce(r.deleted, false) AS deleted' : 'false AS deleted';
  return ['r.run_id, CAST(r.definition_id AS UINTEGER) AS definition_id', deleted, ...outputs];
}

/** Leaves one row of `found` for each hit: where several share it, the one that is last by the as-of rule. */
async function foldTies(
  duck: DuckDb,
  join: AsOfJoin,
  parts: readonly string[],
  keys: readonly string[],
): Promise<void> {
  const group = [...keys, 'hit'].join(', ');
  const more = await duck.rows(`SELECT 1 WHERE (SELECT count(*) FROM asof_found) >
    (SELECT count(*) FROM (SELECT DISTINCT ${group} FROM asof_hits))`);
  if (more.length === 0) return;
  await duck.run(`CREATE OR REPLACE TEMP TABLE asof_tied AS
    SELECT ${group}, max(created_us) AS newest FROM asof_found GROUP BY ${group} HAVING count(*) > 1;
    CREATE OR REPLACE TEMP TABLE asof_best AS SELECT f.* FROM asof_found f SEMI JOIN asof_tied t ON ${tied(keys)}`);
  const still = await duck.rows(
    'SELECT 1 WHERE (SELECT count(*) FROM asof_best) > (SELECT count(*) FROM asof_tied)',
  );
  if (still.length > 0) await duck.run(bestByValuesSql(join, parts, keys));
  await duck.run(`DELETE FROM asof_found f USING asof_tied t WHERE ${on([...keys, 'hit'], 'f', 't')};
    INSERT INTO asof_found SELECT * FROM asof_best`);
}

function tied(keys: readonly string[]): string {
  return `${on([...keys, 'hit'], 'f', 't')} AND f.created_us IS NOT DISTINCT FROM t.newest`;
}

/** Rows of one (event, created) are told apart by all their values, so that two services see the same one. */
function bestByValuesSql(join: AsOfJoin, parts: readonly string[], keys: readonly string[]): string {
  const all = join.features.map(({ name }, i) => `r.${quoteName(name)} AS v${i}`);
  const within = join.nanos ? [`r.${quoteName(CREATED_NS)} AS created_ns`] : [];
  const order = [
    ...within.map(() => 'created_ns ASC'),
    ...canonicalOrderSql(join.features.map(({ type }, i) => ({ name: `v${i}`, type }))),
    'definition_id ASC NULLS FIRST, run_id ASC NULLS FIRST',
  ].join(', ');
  const group = `PARTITION BY ${[...keys, 'hit'].join(', ')}`;
  const rows = parts.map(
    (part) => `SELECT * FROM ${rowsSql(join, part, [...answerColumns(join), ...all, ...within])} f
      SEMI JOIN asof_tied t ON ${tied(keys)}`,
  );
  return `CREATE OR REPLACE TEMP TABLE asof_best AS SELECT * EXCLUDE (${[...all.map((_, i) => `v${i}`), ...within.map(() => 'created_ns')].join(', ')})
    FROM (${rows.join(' UNION ALL ')})
    QUALIFY row_number() OVER (${group} ORDER BY ${order}) = count(*) OVER (${group})`;
}

/**
 * Makes the table of `joinAsOf` out of what an engine has found.
 *
 * @param found  a SELECT of a row for each label that has one behind it, however old or deleted: rid, event_us,
 *               created_us, run_id, definition_id, deleted, and the outputs as o0, o1, ...
 */
export async function answerAsOf(
  duck: DuckDb,
  join: Pick<AsOfJoin, 'labels' | 'rid' | 'time' | 'outputs' | 'ttlUs'>,
  found: string,
  table: string,
): Promise<void> {
  const fresh =
    join.ttlUs === null
      ? 'f.rid IS NOT NULL AND NOT f.deleted'
      : `f.rid IS NOT NULL AND NOT f.deleted AND f.event_us >= l.${quoteName(join.time)} - ${join.ttlUs}`;
  const outputs = join.outputs.map(({ as }, i) => `CASE WHEN ${fresh} THEN f.o${i} END AS ${quoteName(as)}`);
  const columns = [
    `l.${quoteName(join.rid)} AS rid`,
    `CASE WHEN f.rid IS NULL OR f.deleted THEN ${NO_ROW} WHEN ${fresh} THEN ${ROW_FOUND} ELSE ${ROW_OUTSIDE_TTL} END AS asof_state`,
    'coalesce(f.deleted, false) AS asof_deleted',
    ...['event_us', 'created_us', 'run_id', 'definition_id'].map((name) => `f.${name} AS asof_${name}`),
    ...outputs,
  ];
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${table} AS SELECT ${columns.join(', ')} FROM ${join.labels} l
    LEFT JOIN (${found}) f ON f.rid = l.${quoteName(join.rid)} ORDER BY l.${quoteName(join.rid)}`);
}

function on(columns: readonly string[], left: string, right: string): string {
  return columns.map((column) => `${left}.${column} = ${right}.${column}`).join(' AND ');
}
