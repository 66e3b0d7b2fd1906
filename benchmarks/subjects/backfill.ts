/**
 * The first run of an aggregated view: raw events of two years in a folder a day, ten features over windows of 7 and
 * 30 days and lifetimes, hop 1d, 50 events an entity; into the history and the embedded store. Then a run with nothing
 * new.
 *
 * What counts is the CPU of an event and the peak of the resident memory, which other work on the machine hardly
 * touches; the time is printed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Used } from '../harness/probes/backfill-probe.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

const USUAL_EVENTS = 1_000_000;
const DAYS = 730;
const EVENTS_PER_ENTITY = 50;
const CPU_TARGET_US = 20;
const MEMORY_TARGET_MIB = 1_229;

const DEFINITIONS = `entity: user
joinKeys: { user_id: string }
---
featureView: activity
entity: user
source: { parquet: data/events/*/*.parquet, eventTime: event_time, createdTime: loaded_at }
hop: 1d
freshness: 3d
features:
  events_7d: { agg: count, window: 7d }
  events_30d: { agg: count, window: 30d }
  spent_7d: { agg: sum, column: amount, window: 7d }
  spent_30d: { agg: sum, column: amount, window: 30d }
  average_30d: { agg: avg, column: amount, window: 30d }
  spread_30d: { agg: stddev, column: amount, window: 30d }
  products_30d: { agg: countDistinct, column: product, window: 30d }
  largest_30d: { agg: max, column: amount, window: 30d }
  favorite: { agg: mostFrequent, column: category }
  last_amount: { agg: last, column: amount }
`;

export async function backfill(context: BenchContext): Promise<Target[]> {
  const events = context.events ?? USUAL_EVENTS;
  const folder = join(context.folder, 'backfill');
  await writeProject(folder, events);
  print(
    `\nFirst run of a view: ${events} events, ${events / EVENTS_PER_ENTITY} entities, ${DAYS} day folders`,
  );
  await plumb(folder, 'apply');
  const first = await plumb(folder, 'materialize');
  const again = await plumb(folder, 'materialize');
  return [
    {
      what: 'CPU of an event',
      reached: (first.cpuSeconds * 1e6) / events,
      wanted: CPU_TARGET_US,
      unit: 'us',
      atMost: true,
    },
    { what: 'peak memory', reached: first.peakMib, wanted: MEMORY_TARGET_MIB, unit: 'MiB', atMost: true },
    {
      what: 'peak memory, nothing new',
      reached: again.peakMib,
      wanted: MEMORY_TARGET_MIB,
      unit: 'MiB',
      atMost: true,
    },
  ];
}

async function writeProject(folder: string, events: number): Promise<void> {
  makeFolder(join(folder, 'data'));
  writeDurably(join(folder, 'plumbline.yaml'), 'project: backfill\n');
  writeDurably(join(folder, 'definitions', 'activity.yaml'), DEFINITIONS);
  const duck = await DuckDb.open();
  const random = (salt: number, size: number): string => `(hash(i * 7 + ${salt}) % ${size})`;
  await duck.run(`COPY (SELECT 'u' || hash(i) % ${events / EVENTS_PER_ENTITY} AS user_id, happened AS event_time,
      happened + INTERVAL 5 MINUTE AS loaded_at, ${random(1, 100_000)} / 100.0 AS amount,
      'c' || ${random(2, 30)} AS category, ${random(3, 500)}::BIGINT AS product, strftime(happened, '%Y-%m-%d') AS day
    FROM (SELECT range AS i, now()::TIMESTAMP - INTERVAL 1 SECOND * (600 + hash(range * 13 + 5) % ${DAYS * 86_400})
      ::BIGINT AS happened FROM range(${events})))
    TO ${quoteText(join(folder, 'data', 'events'))} (FORMAT parquet, PARTITION_BY (day))`);
  duck.close();
}

/** Runs a command of a process of its own. @throws Error when it fails */
async function plumb(folder: string, command: string): Promise<Used> {
  const file = join(folder, 'used.json');
  const probe = pathToFileURL(join(import.meta.dirname, '../harness/probes/backfill-probe.ts'));
  probe.search = encodeURIComponent(file);
  const flags = ['--disable-warning=ExperimentalWarning', '--import', probe.href];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...flags, join(ROOT, 'plumb.ts'), '-C', folder, command], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`plumb ${command} ended with ${code}`);
  const used = JSON.parse(readFileSync(file, 'utf8')) as Used;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  print(`  ${command}: ${seconds} s, ${used.cpuSeconds.toFixed(1)} s CPU, ${used.peakMib.toFixed(0)} MiB`);
  return used;
}
