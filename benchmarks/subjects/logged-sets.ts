/**
 * Training sets of what was answered: `plumb train --from-log` as a whole process, 1,000,000 labels with request ids on
 * an archive of one day of 5,000,000 vectors of ten doubles in two views.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { median } from '../harness/median.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const VIEWS = ['stats', 'trips'];
const FEATURES = Array.from({ length: 5 }, (_, i) => `f${i}`);
const VECTORS = 5_000_000;
const LABELS = 1_000_000;
const DRIVERS = 200_000;
const DAY = '2026-01-02';
const NODE = ['--disable-warning=ExperimentalWarning'];

export async function loggedSets(context: BenchContext): Promise<Target[]> {
  const folder = mkdtempSync(join(context.folder, 'logged-'));
  try {
    const vectors = context.events ?? VECTORS;
    const labels = Math.min(LABELS, Math.ceil(vectors / 5));
    await makeCase(folder, vectors, labels);
    const out = join(folder, 'out.parquet');
    const args = ['-C', folder, 'train', '--from-log', '--labels', join(folder, 'labels.parquet')];
    const all = [...NODE, join(ROOT, 'plumb.ts'), ...args, '--service', 'bench', '--out', out];
    const runs = [];
    for (let round = 0; round < context.rounds; round++) runs.push(await measuredRun(process.execPath, all));
    const cpu = runs.map(({ cpuSeconds }) => cpuSeconds);
    const wall = runs.map(({ seconds }) => seconds);
    const mib = runs.map(({ peakBytes }) => (peakBytes ?? 0) / 2 ** 20);
    const shown = (values: readonly number[]): string => values.map((one) => one.toFixed(2)).join(' ');
    print(
      `\nTraining sets of the log: ${labels} labels, ${vectors} vectors of ${VIEWS.length * FEATURES.length} float64`,
    );
    print(
      `  CPU s ${shown(cpu)}   wall s ${shown(wall)}   peak MiB ${mib.map((one) => one.toFixed(0)).join(' ')}`,
    );
    print(`  values that differ from the vectors': ${await differing(folder, out)}`);
    return [
      target('train --from-log: s', median(wall), 10, ''),
      target('train --from-log: peak', median(mib), 1_024, 'MiB'),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function target(what: string, reached: number, wanted: number, unit: Target['unit']): Target {
  return { what, reached, wanted, unit, atMost: true };
}

async function makeCase(folder: string, vectors: number, labels: number): Promise<void> {
  makeFolder(join(folder, 'definitions'));
  makeFolder(join(folder, 'data'));
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: bench\n');
  const views = VIEWS.map((name) =>
    [
      `featureView: ${name}`,
      'entity: driver',
      `source: { parquet: data/${name}.parquet, eventTime: event_timestamp, createdTime: created }`,
      `features: { ${FEATURES.map((feature) => `${feature}: float64`).join(', ')} }`,
      'freshness: 3h',
    ].join('\n'),
  );
  const entity = 'entity: driver\njoinKeys: { driver_id: int64 }';
  const service = `featureService: bench\nfeatures: [${VIEWS.join(', ')}]`;
  writeFileSync(
    join(folder, 'definitions', 'bench.yaml'),
    `${[entity, ...views, service].join('\n---\n')}\n`,
  );
  const duck = await DuckDb.open();
  const nothing = FEATURES.map((name) => `0.0::DOUBLE AS ${name}`).join(', ');
  for (const name of VIEWS) {
    await duck.run(`COPY (SELECT 1::BIGINT AS driver_id, TIMESTAMPTZ '${DAY} 00:00:00Z' AS event_timestamp,
      event_timestamp AS created, ${nothing}) TO ${quoteText(join(folder, 'data', `${name}.parquet`))} (FORMAT parquet)`);
  }
  await measuredRun(process.execPath, [...NODE, join(ROOT, 'plumb.ts'), '-C', folder, 'apply']);
  await writeArchive(duck, folder, vectors);
  await duck.run(`SET preserve_insertion_order = true;
    COPY (SELECT ${requestId('(hash(i) % ' + vectors + ')')} AS request_id,
      TIMESTAMPTZ '2026-01-03 00:00:00Z' + INTERVAL 1 HOUR AS event_timestamp, i % 2 AS label, 'note ' || i AS note
    FROM range(${labels}) t(i)) TO ${quoteText(join(folder, 'labels.parquet'))} (FORMAT parquet)`);
  duck.close();
}

/** A text as long as a UUID. */
function requestId(number: string): string {
  return `md5(${number}::VARCHAR) || '-' || (${number} % 1000)`;
}

/** As an ingest leaves it: a file an hour, and the state that names them. */
async function writeArchive(duck: DuckDb, folder: string, vectors: number): Promise<void> {
  const settings = loadSettings(folder, {});
  const bundle = loadCurrentBundle(settings.bundles);
  const hours: Record<string, { files: number; vectors: number }> = {};
  const time = "TIMESTAMPTZ '2000-01-01 00:00:00Z'";
  const rows = VIEWS.map((name) => {
    const id = bundle.views.get(name)!.definitionId;
    return `{status: 'PRESENT', reason: NULL::VARCHAR, source: 'cache', fetched: served, watermark: ${time}, event_time: ${time},
      created_time: ${time}, written_time: ${time}, definition_id: ${id}::BIGINT, bundle_definition_id: ${id}::BIGINT,
      row_hash: (hash(i) % 1000)::BIGINT, undecoded: NULL::BLOB} AS _view__${name}`;
  });
  const values = VIEWS.flatMap((name, v) =>
    FEATURES.map(
      (feature, f) => `(hash(i * 31 + ${v * 100 + f}) % 1000003) / 1000003 AS ${name}__${feature}`,
    ),
  );
  const perHour = Math.ceil(vectors / 24);
  for (let hour = 0; hour < 24; hour++) {
    const name = `${DAY}T${String(hour).padStart(2, '0')}`;
    const from = hour * perHour;
    const to = Math.min(vectors, from + perHour);
    const place = join(settings.served, 'bench', 'v1.0', `date=${DAY}`, `hour=${name.slice(11)}`);
    makeFolder(place);
    hours[name] = { files: 1, vectors: to - from };
    await duck.run(`COPY (SELECT ${requestId('i')} AS _request_id, 0 AS _row, 'pod-1' AS _pod, '00000000000000aa' AS _epoch,
      i + 1 AS _sequence, served AS _served_time, 0::BIGINT AS _clock_offset, 'native' AS _surface,
      ${quoteText(bundle.hash)} AS _bundle, 1 AS _service_version, NULL::VARCHAR AS _hmac_key, NULL::BLOB AS _answer,
      (hash(i * 7) % ${DRIVERS})::BIGINT AS driver_id, ${rows.join(', ')}, ${values.join(', ')}
      FROM (SELECT i, TIMESTAMPTZ '${DAY} 00:00:00Z' + to_microseconds(i * ${Math.floor(86_400_000_000 / vectors)}) AS served
        FROM range(${from}, ${to}) t(i)))
      TO ${quoteText(join(place, '00000001.parquet'))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 32768,
        DICTIONARY_SIZE_LIMIT 0)`);
  }
  const endUs = Date.parse('2026-01-04T00:00:00Z') * 1_000;
  const state = {
    format: 1,
    batch: 1,
    caughtUpUs: endUs,
    positions: { bench: {} },
    counts: { records: vectors, duplicates: 0, unreadable: 0, leftOut: 0 },
    duplicates: {},
    epochs: [],
    archive: { hours, open: {}, moving: {}, removing: [], keptFrom: '' },
  };
  writeFileSync(join(settings.served, 'ingest.json'), JSON.stringify(state));
}

/** @returns how many values are not those of the label's vector */
async function differing(folder: string, out: string): Promise<number> {
  const settings = loadSettings(folder, {});
  const archive = quoteText(join(settings.served, 'bench', '**', '*.parquet'));
  const names = VIEWS.flatMap((view) => FEATURES.map((feature) => `${view}__${feature}`));
  const wrong = names.map((name) => `count(*) FILTER (o.${name} IS DISTINCT FROM a.${name})`).join(' + ');
  const duck = await DuckDb.open();
  try {
    const [row] = await duck.rows(`SELECT (${wrong})::DOUBLE AS n FROM read_parquet(${quoteText(out)}) o
      LEFT JOIN read_parquet(${archive}) a ON a._request_id = o.request_id`);
    return row!['n'] as number;
  } finally {
    duck.close();
  }
}
