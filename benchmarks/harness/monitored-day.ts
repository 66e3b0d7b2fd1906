/**
 * A day for the monitor, made by DuckDB: a history of five stored views with ten doubles each, and the archive of the
 * vectors that were served from it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ValueHasher } from '../../contract/log-privacy.ts';
import type { FeatureView } from '../../contract/model.ts';
import { DuckDb, blob, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

export const DAY = '2026-11-20';
const DAY_SERVICE = 'scores';
const VIEWS = ['view_0', 'view_1', 'view_2', 'view_3', 'view_4'];
const FEATURES = Array.from({ length: 10 }, (_, i) => `f${i}`);
const DELAY_S = 300;
const COMPUTED = 'mix';
/** Of a hashed day the log has the first feature of the first view as HMACs. */
const SECRET = { id: 'bench', secret: Buffer.from('the secret of a benchmark') };
const HASHED = 'f0';

/**
 * usual    of one vector in a hundred the row of the first view is one behind
 * all      each value differs
 * once     no entity comes twice
 * foreign  each row is that of another entity
 * hashed   as usual, with a feature that the log has as HMACs
 * demand   as usual, with ten more features that are computed on demand, of the first view and an input
 */
export const DAY_KINDS = ['usual', 'all', 'once', 'foreign', 'hashed', 'demand'] as const;

export interface DayShape {
  readonly vectors: number;
  readonly entities: number;
  /** Of each entity and view, a day apart; the last but one is of the day itself. */
  readonly rows: number;
  readonly kind: (typeof DAY_KINDS)[number];
}

/** What the day's rows are called in the bundle that served them. */
interface DayNames {
  readonly bundle: string;
  /** In the order of their names. */
  readonly views: readonly FeatureView[];
}

/** Writes `plumbline.yaml`, the definitions and the history; the archive follows, once the definitions are applied. */
export async function makeDayProject(folder: string, shape: DayShape): Promise<void> {
  makeFolder(join(folder, 'definitions'));
  mkdirSync(join(folder, 'data'));
  const isHashed = shape.kind === 'hashed';
  const isComputed = shape.kind === 'demand';
  writeFileSync(join(folder, 'secret'), SECRET.secret, { mode: 0o600 });
  const setting = isHashed ? `log: { hmacKey: { id: ${SECRET.id}, file: secret } }\n` : '';
  writeFileSync(join(folder, 'plumbline.yaml'), `project: bench\n${setting}`);
  const typeOf = (name: string, v: number): string =>
    isHashed && v === 0 && name === HASHED ? '{ type: float64, log: hmac }' : 'float64';
  const views = VIEWS.map((view, v) =>
    [
      `featureView: ${view}`,
      'entity: customer',
      `source: { parquet: data/${view}.parquet, eventTime: event_time, createdTime: created }`,
      `features: { ${FEATURES.map((name) => `${name}: ${typeOf(name, v)}`).join(', ')} }`,
      `delay: ${DELAY_S}s`,
      'freshness: 3h',
    ].join('\n'),
  );
  const definitions = [
    'entity: customer\njoinKeys: { customer_id: int64 }',
    ...views,
    ...(isComputed ? [computedYaml(folder)] : []),
    `featureService: ${DAY_SERVICE}\nfeatures: [${[...VIEWS, ...(isComputed ? [COMPUTED] : [])].join(', ')}]`,
  ];
  writeFileSync(join(folder, 'definitions', 'bench.yaml'), `${definitions.join('\n---\n')}\n`);
  const duck = await DuckDb.open({ threads: 2, tempFolder: join(folder, 'temp') });
  for (const [v, view] of VIEWS.entries())
    await duck.run(`COPY (${historySql(shape, v)}) TO ${quoteText(join(folder, 'data', `${view}.parquet`))}
      (FORMAT parquet, COMPRESSION zstd)`);
  duck.close();
}

/** Of each feature of the first view one of arithmetic. @returns the view's definition, whose code is written */
function computedYaml(folder: string): string {
  mkdirSync(join(folder, 'compute'));
  const outputs = FEATURES.map((name, i) => `c${i}: row.${name} === null ? null : row.${name} * 2 + row.x`);
  const code = `export default (row: Record<string, number | null>) => ({ ${outputs.join(', ')} });\n`;
  writeFileSync(join(folder, 'compute', 'mix.ts'), code);
  return [
    `onDemandView: ${COMPUTED}`,
    'inputs: { x: float64 }',
    `uses: [${VIEWS[0]}]`,
    `features: { ${FEATURES.map((_, i) => `c${i}: float64`).join(', ')} }`,
    'compute: ../compute/mix.ts',
  ].join('\n');
}

/** What the archive has of it. */
function computedColumns(): string[] {
  const names = FEATURES.map((_, i) => `${COMPUTED}__c${i}`);
  return [
    'CAST(i % 97 AS DOUBLE) AS _input__x',
    ...FEATURES.map((name, i) => `h0.${name} * 2 + CAST(i % 97 AS DOUBLE) AS ${names[i]}`),
    `'PRESENT' AS _status__${COMPUTED}`,
    `[${names.map(quoteText).join(', ')}] AS _outputs__${COMPUTED}`,
    'NULL::BLOB AS _undecoded__inputs, NULL::BLOB AS _undecoded__outputs',
  ];
}

function historySql({ entities, rows }: DayShape, view: number): string {
  const values = FEATURES.map(
    (name, f) =>
      `CASE WHEN hash(e, j, ${view * 100 + f}) % 50 > 0 THEN (hash(e, j, ${view * 100 + f}) % 1000003) / 1000003 END AS ${name}`,
  );
  return `SELECT e::BIGINT AS customer_id, ${eventSql(rows, view)} AS event_time,
      event_time + INTERVAL 60 SECOND AS created, ${values.join(', ')}
    FROM range(${entities}) t(e), range(${rows}) u(j)`;
}

/** Of row `j` of entity `e`. */
function eventSql(rows: number, view: number): string {
  const first = rows === 1 ? 1 : rows - 2;
  return `TIMESTAMPTZ '${DAY} 00:00:00+00' + INTERVAL 1 DAY * (j - ${first})::INTEGER
    + INTERVAL 1 SECOND * (hash(e, ${view}) % 86000)::INTEGER`;
}

/** Writes the archive of the day, an hour a file, as `plumb monitor ingest` would. */
export async function writeDayArchive(folder: string, shape: DayShape, names: DayNames): Promise<void> {
  const duck = await DuckDb.open({ threads: 2, tempFolder: join(folder, 'temp'), memoryLimit: '4GB' });
  const { vectors, entities, rows, kind } = shape;
  const entity = kind === 'once' ? 'i' : `(hash(i * 13) % ${entities})::BIGINT`;
  // Whose rows it was given.
  const given = kind === 'foreign' ? `(e + 1) % ${entities}` : 'e';
  const perHour = Math.ceil(vectors / 24);
  for (let hour = 0; hour < 24; hour++) {
    const hh = String(hour).padStart(2, '0');
    const to = join(folder, '.plumb', 'served', DAY_SERVICE, 'v1.0', `date=${DAY}`, `hour=${hh}`);
    makeFolder(to);
    const end = Math.min(vectors, (hour + 1) * perHour);
    await duck.run(`CREATE OR REPLACE TEMP TABLE v AS SELECT i, ${entity} AS e, ${given} AS g,
        make_timestamptz(${Date.parse(`${DAY}T${hh}:00:00Z`)}000 + (i - ${hour * perHour}) * ${Math.floor(3.6e9 / perHour)}) AS t
      FROM range(${hour * perHour}, ${end}) t(i)`);
    const joins = VIEWS.map((_, v) => {
      const isBehind = v === 0 && ['usual', 'hashed', 'demand'].includes(kind);
      const behind = isBehind ? 'CASE WHEN hash(v.i, 7) % 100 = 0 THEN 1 ELSE 0 END' : '0';
      // Rows lie a day apart, so which of them training sees follows from one comparison.
      const event = eventSql(rows, v).replaceAll('(j -', '((0) -').replaceAll('hash(e,', 'hash(v.g,');
      const newest =
        rows === 1
          ? '0'
          : `floor((epoch(v.t) - ${DELAY_S} - epoch(${event})) / 86400)::INTEGER - (${behind})`;
      return `LEFT JOIN h${v} ON h${v}.e = v.g AND h${v}.j = ${newest}`;
    });
    if (hour === 0)
      for (const [v, view] of VIEWS.entries())
        await duck.run(`CREATE TEMP TABLE h${v} AS SELECT customer_id AS e,
          (row_number() OVER (PARTITION BY customer_id ORDER BY event_time) - 1)::INTEGER AS j, * EXCLUDE (customer_id)
          FROM read_parquet(${quoteText(join(folder, 'data', `${view}.parquet`))})`);
    if (hour === 0 && kind === 'hashed') await layDigests(duck, names.views[0]!);
    const columns = names.views.flatMap(({ definitionId }, v) => archiveColumns(v, kind, definitionId));
    if (kind === 'demand') columns.push(...computedColumns());
    await duck.run(`COPY (SELECT printf('r-%08d', i) AS _request_id, 0 AS _row, 'pod-' || (i % 4) AS _pod,
        'e-' || (i % 4) AS _epoch, i // 4 AS _sequence, t AS _served_time, 0::BIGINT AS _clock_offset,
        'native' AS _surface, '${names.bundle}' AS _bundle, 1 AS _service_version,
        ${kind === 'hashed' ? quoteText(SECRET.id) : 'NULL'}::VARCHAR AS _hmac_key,
        NULL::BLOB AS _answer,
        v.e AS customer_id, ${columns.join(', ')} FROM v ${joins.join(' ')} ORDER BY i)
      TO ${quoteText(join(to, '000001.parquet'))} (FORMAT parquet, COMPRESSION zstd)`);
  }
  duck.close();
  writeFileSync(
    join(folder, '.plumb', 'served', 'ingest.json'),
    `${JSON.stringify(stateOf(vectors, perHour))}\n`,
  );
}

/**
 * Writes the values of the first view into one file, both as served and as training sees them.
 *
 * @returns the names of its features
 */
export async function writeBothSides(folder: string, file: string): Promise<readonly string[]> {
  const [view] = VIEWS as [string];
  const duck = await DuckDb.open({ threads: 2, tempFolder: join(folder, 'temp') });
  const columns = FEATURES.map(
    (name) => `s.${view}__${name} AS served__${name}, h.${name} AS replayed__${name}`,
  );
  const served = join(folder, '.plumb', 'served', DAY_SERVICE, '*', '*', '*', '*.parquet');
  await duck.run(`COPY (SELECT ${columns.join(', ')} FROM read_parquet(${quoteText(served)}) s
    ASOF LEFT JOIN read_parquet(${quoteText(join(folder, 'data', `${view}.parquet`))}) h
      ON s.customer_id = h.customer_id AND s._served_time - INTERVAL ${DELAY_S} SECOND >= h.event_time)
    TO ${quoteText(file)} (FORMAT parquet)`);
  duck.close();
  return FEATURES;
}

/** What `plumb monitor ingest` would know of these files. */
function stateOf(vectors: number, perHour: number): object {
  const hours = Array.from({ length: 24 }, (_, hour) => `${DAY}T${String(hour).padStart(2, '0')}`);
  const each = (what: string): object =>
    Object.fromEntries(hours.map((hour) => [hour, { files: 1, [what]: perHour }]));
  return {
    format: 1,
    batch: 24,
    caughtUpUs: (Date.parse(`${DAY}T00:00:00Z`) + 2 * 86_400_000) * 1_000,
    positions: {},
    counts: { records: vectors, duplicates: 0, unreadable: 0 },
    hours: each('records'),
    duplicates: {},
    epochs: [],
    archive: { hours: each('vectors'), open: {}, moving: {}, removing: [], keptFrom: '' },
  };
}

/** Puts the HMAC of each row's value beside it. */
async function layDigests(duck: DuckDb, view: FeatureView): Promise<void> {
  const hasher = new ValueHasher(
    SECRET,
    view.id,
    view.features.find(({ name }) => name === HASHED)!,
  );
  const { value: values } = await duck.columns(`SELECT DISTINCT ${HASHED} AS value FROM h0`);
  await duck.run('CREATE TEMP TABLE digests (value DOUBLE, digest BLOB)');
  await duck.append(
    'digests',
    values!.map((value) => [value, blob(hasher.digest(value as number | null))]),
  );
  await duck.run(`CREATE TEMP TABLE hashed AS SELECT h0.*, d.digest
      FROM h0 JOIN digests d ON d.value IS NOT DISTINCT FROM h0.${HASHED};
    DROP TABLE h0; ALTER TABLE hashed RENAME TO h0`);
}

function archiveColumns(v: number, kind: DayShape['kind'], id: number): string[] {
  const view = VIEWS[v]!;
  const there = `h${v}.e IS NOT NULL`;
  const struct = `{'status': CASE WHEN ${there} THEN 'PRESENT' ELSE 'MISSING' END, 'reason': NULL::VARCHAR, 'source': 'store',
    'fetched': t - INTERVAL 1 MILLISECOND, 'watermark': date_trunc('hour', t), 'event_time': h${v}.event_time,
    'created_time': h${v}.created, 'written_time': h${v}.created + INTERVAL 60 SECOND,
    'definition_id': CASE WHEN ${there} THEN ${id}::BIGINT END, 'bundle_definition_id': ${id}::BIGINT,
    'row_hash': CASE WHEN ${there} THEN (hash(h${v}.e, h${v}.event_time) >> 1)::BIGINT END, 'undecoded': NULL::BLOB} AS _view__${view}`;
  const more = kind === 'all' ? ' + 1' : '';
  const isHashed = (name: string): boolean => kind === 'hashed' && v === 0 && name === HASHED;
  const values = FEATURES.flatMap((name) =>
    isHashed(name)
      ? [`NULL::DOUBLE AS ${view}__${name}`, `h${v}.digest AS ${view}__${name}__hmac`]
      : `h${v}.${name}${more} AS ${view}__${name}`,
  );
  return [struct, ...values];
}
