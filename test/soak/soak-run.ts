/**
 * A soak: everything that runs in production for minutes or hours under load, while faults befall it one after the
 * other, and at the end what must hold:
 *
 *   nothing lost     each answered request is in the archive exactly once, with what the client got
 *   memory flat      of the sidecar that ran through, and of the ingest and the daemon
 *   verdict right    each fault of the data is named by its cause; each of the infrastructure shows as what it is, and
 *                    nothing is named that nobody did
 *
 * Faults follow each other, so that what is seen can be told apart; chance, which a seed decides, draws their order,
 * whom they befall, the calm between them, the events and the requests.
 */
import { dayOf } from '../../contract/std/timestamp.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { readSnapshot } from '../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { mulberry32 } from '../support/mulberry32.ts';
import { join } from 'node:path';
import { archivedRequests } from './archived-requests.ts';
import type { ArchivedRequests } from './archived-requests.ts';
import { inTurn } from './faults/faults.ts';
import { sleepS } from './faults/fault.ts';
import type { Happened, SoakFault } from './faults/fault.ts';
import { judgeFaults, lateSpans } from './judged-faults.ts';
import type { JudgedFaults, NamedIncident } from './judged-faults.ts';
import { memoryLine } from './memory.ts';
import type { MemoryLine } from './memory.ts';
import { Scrapes } from './scrapes.ts';
import type { Seen } from './seen.ts';
import { SoakLoad } from './soak-load.ts';
import type { Answer } from './soak-load.ts';
import { CACHE_MS, FRESHNESS_MS, HOP_MS, OUT_OF_ORDER_MS, SERVICE } from './soak-project.ts';
import { SoakSet } from './soak-set.ts';
import { wrongSeconds } from './wrong-seconds.ts';
import { until } from '../support/until.ts';

interface SoakOptions {
  /** Empty; what is left in it is for looking at. */
  readonly folder: string;
  readonly minutes: number;
  readonly seed: number;
  readonly perSecond: number;
  readonly faults: readonly SoakFault[];
  readonly logger: Logger;
}

export interface SoakResult {
  readonly seed: number;
  readonly perSecond: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly happened: readonly (Happened & { readonly shown: string | null })[];
  readonly answers: readonly Answer[];
  readonly nowhere: number;
  readonly archived: ArchivedRequests;
  readonly memory: readonly MemoryLine[];
  readonly scrapes: { readonly taken: number; readonly failed: number };
  readonly snapshots: readonly Snapshot[];
  readonly judged: JudgedFaults;
  /** Starts of sidecars that were killed: so many open tails are right. */
  readonly killed: number;
  readonly surprises: readonly string[];
}

/** Calm at both ends, so that the first and the last fault are seen whole. */
const CALM = { shareOfAll: 0.1, mostS: 45 } as const;
const MINUTE_MS = 60_000;

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { folder, seed, perSecond, logger } = options;
  const random = mulberry32(seed);
  logger.info('Redis Cluster, Kafka, two sidecars, materialize and ingest are started ...');
  const set = await SoakSet.start(folder, mulberry32(seed + 1));
  try {
    const load = new SoakLoad(set.pods, perSecond, mulberry32(seed + 2));
    const scrapes = new Scrapes(set);
    const fromMs = Date.now();
    await load.start();
    const happened = await befall(set, options, random, fromMs);
    await load.stop();
    scrapes.stop();
    const toMs = Date.now();
    logger.info('the load ends; the log is shipped, ingested and judged ...');
    await windUp(set, toMs);
    return await resultOf(set, { options, load, scrapes, happened, fromMs, toMs });
  } finally {
    await set.stop();
  }
}

async function befall(
  set: SoakSet,
  { minutes, faults, logger }: SoakOptions,
  random: () => number,
  fromMs: number,
): Promise<Happened[]> {
  const calmS = Math.min(CALM.mostS, minutes * 60 * CALM.shareOfAll);
  const endMs = fromMs + minutes * MINUTE_MS - calmS * 1_000;
  const happened: Happened[] = [];
  await sleepS(calmS);
  let passed = 0;
  for (const { fault, gapS } of inTurn(faults, random)) {
    if (Date.now() + (gapS + fault.seconds) * 1_000 > endMs) {
      // A shorter one may still have its time.
      if (++passed > faults.length) break;
      continue;
    }
    passed = 0;
    await sleepS(gapS);
    const beganMs = Date.now();
    const befallen = await fault.run(set, fault.seconds, random);
    const one: Happened = { ...befallen, fault, fromMs: beganMs, toMs: Date.now() };
    happened.push(one);
    logger.info(`${minutesText(beganMs - fromMs)}  ${fault.name}: ${one.what}`);
  }
  await sleepS(Math.max(0, (fromMs + minutes * MINUTE_MS - Date.now()) / 1_000));
  return happened;
}

/** @returns `12:07`, minutes and seconds */
export function minutesText(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  return `${String(Math.floor(s / 60)).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`;
}

/** Ends what serves, brings the history past the last answer, ingests what the topic holds, judges the days. */
async function windUp(set: SoakSet, toMs: number): Promise<void> {
  await Promise.all(set.pods.map((pod) => pod.stop()));
  const dueMs = toMs + HOP_MS;
  await until(() => set.events.untilMs > dueMs + OUT_OF_ORDER_MS, 'events of the last hop land');
  await set.untilRunSince(0, toMs);
  await set.daemon.stop();
  await set.ingest.stop();
  await set.runs('ingest', ['monitor', 'ingest']);
}

interface Soaked {
  readonly options: SoakOptions;
  readonly load: SoakLoad;
  readonly scrapes: Scrapes;
  readonly happened: readonly Happened[];
  readonly fromMs: number;
  readonly toMs: number;
}

async function resultOf(set: SoakSet, soaked: Soaked): Promise<SoakResult> {
  const { options, load, scrapes, happened, fromMs, toMs } = soaked;
  const { settings } = set.project;
  const days = [...new Set([dayOf(fromMs * 1_000), dayOf(toMs * 1_000)])];
  const snapshots: Snapshot[] = [];
  for (const date of days) {
    await set.judge(date);
    const snapshot = readSnapshot(settings.reports, SERVICE, date);
    if (snapshot !== null) snapshots.push(snapshot);
  }
  const archived = await archivedRequests(settings.served, load.answers, join(set.folder, 'requests.csv'));
  const seen: Seen = { answers: load.answers, scrapes: scrapes.scrapes, archived: archived.seconds };
  const late = lateSpans(await set.completeRuns(), FRESHNESS_MS, CACHE_MS);
  const beside = snapshots.map(({ date }) => join(settings.reports, SERVICE, `${date}.parquet`));
  const seconds = await wrongSeconds(beside);
  const judged = judgeFaults(happened, snapshots.flatMap(incidentsOf), seconds, late);
  const throughout = [set.quiet.name, set.daemon.name, set.ingest.name];
  return {
    seed: options.seed,
    perSecond: options.perSecond,
    fromMs,
    toMs,
    happened: happened.map((one) => ({ ...one, shown: shownOf(one, seen, judged) })),
    answers: load.answers,
    nowhere: load.nowhere,
    archived,
    memory: throughout.flatMap((program) => longestLine(scrapes, program)),
    scrapes: { taken: scrapes.scrapes.length, failed: scrapes.failed },
    snapshots,
    judged,
    killed: set.rolled.starts.killed,
    surprises: set.surprises,
  };
}

function shownOf(happened: Happened, seen: Seen, judged: JudgedFaults): string | null {
  const { fault, expects } = happened;
  if (expects !== undefined) return judged.named.get(happened) ?? null;
  return fault.shows === undefined ? '-' : fault.shows(seen, happened);
}

function incidentsOf({ incidents }: Snapshot): NamedIncident[] {
  return incidents.map(({ view, cause, beyondPromise, beyond, from, to }) => ({
    view,
    cause,
    beyondPromise,
    fromMs: Date.parse(beyond?.from ?? from),
    toMs: Date.parse(beyond?.to ?? to),
  }));
}

/** Of the start of a program that ran longest. */
function longestLine({ memory }: Scrapes, program: string): MemoryLine[] {
  const starts = Map.groupBy(
    memory.filter((sample) => sample.program === program),
    ({ pid }) => pid,
  );
  const longest = [...starts.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
  const line = memoryLine(longest);
  return line === null ? [] : [line];
}
