/**
 * `plumb materialize wait`: a gate for a deploy. It is met when every stored and aggregated view behind a service is
 * materialized past a time, that is when both hold of it:
 *
 *   its last complete run was of the definition in force, and complete up to that time or later; so was its stream
 *   the online store vouches for as much: none of its markers is missing or behind that time
 *
 * The bundle is read again at each look, so that what is applied meanwhile counts. A store that cannot be reached is no
 * answer: it is asked again until the time is over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { loadWorkingBundle } from '../../contract/definitions/bundle-folder.ts';
import { serviceNamed } from '../../contract/definitions/service-named.ts';
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { movesBookmark } from '../run/run-range.ts';
import { leastMarker, openWhereKept } from './vouched-time.ts';

const LOOK_EVERY_MS = 1_000;

interface WaitOptions {
  readonly service: string;
  readonly asOfUs: number;
  /** 0: one look. */
  readonly timeoutUs: number;
  readonly signal: AbortSignal;
}

interface GateView {
  readonly view: string;
  readonly met: boolean;
  /** Up to which its runs of the definition in force are complete; null: there was none. */
  readonly watermarkUs: number | null;
  /** The least that the online store vouches for; null: a marker is missing. */
  readonly onlineUs: number | null;
  /** Why the gate is not met; null: it is. */
  readonly reason: string | null;
}

export interface WaitGate {
  readonly service: string;
  readonly asOfUs: number;
  readonly met: boolean;
  readonly views: readonly GateView[];
}

/**
 * @returns  as soon as the gate is met, or what it lacked when the time was over or the signal came
 * @throws   REG_UNKNOWN, REG_NOT_APPLIED; MAT_ONLINE when the last look did not reach the store
 */
export async function waitForService(
  project: Project,
  database: RegistryDatabase,
  options: WaitOptions,
): Promise<WaitGate> {
  const { service, timeoutUs, signal } = options;
  const untilMs = performance.now() + timeoutUs / 1_000;
  let told = '';
  for (;;) {
    const leftMs = untilMs - performance.now();
    const isLast = leftMs <= 0 || signal.aborted;
    try {
      const gate = await look(project, database, options);
      if (gate.met || isLast) return gate;
      const lacking = gate.views.filter(({ met }) => !met);
      const text = lacking.map(({ view, reason }) => `${view} ${reason}`).join('; ');
      if (text !== told) project.logger.info(`${service} waits: ${text}`);
      told = text;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'MAT_ONLINE' || isLast) throw error;
      if (message !== told) project.logger.warn(message);
      told = message;
    }
    await sleep(Math.min(leftMs, LOOK_EVERY_MS), undefined, { signal }).catch(() => {});
  }
}

async function look(project: Project, database: RegistryDatabase, options: WaitOptions): Promise<WaitGate> {
  const { service, asOfUs } = options;
  const bundle = loadWorkingBundle(project.settings.bundles);
  const ids = new Set(serviceNamed(bundle, service).views.map(({ view }) => view));
  const writer = await openWhereKept(project.settings.online);
  try {
    const views: GateView[] = [];
    for (const id of ids) views.push(await viewAt(bundle, id, { database, writer, asOfUs }));
    return { service, asOfUs, met: views.every(({ met }) => met), views };
  } finally {
    await writer?.close();
  }
}

interface Look {
  readonly database: RegistryDatabase;
  readonly writer: OnlineWriter | null;
  readonly asOfUs: number;
}

async function viewAt(bundle: Bundle, id: string, { database, writer, asOfUs }: Look): Promise<GateView> {
  const view = bundle.views.get(id)!;
  const runs = await database.runs({ view: id });
  const done = runs.filter(isDone);
  const watermarkUs = completeUpTo(view, done);
  const onlineUs = writer === null ? null : await leastMarker(writer, id);
  const reason = reasonOf(asOfUs, {
    watermarkUs,
    onlineUs,
    wasRun: done.length > 0,
    last: runs.at(-1),
  });
  return { view: id, met: reason === null, watermarkUs, onlineUs, reason };
}

/** The record of a stream says at each commit how far it is, and goes on. */
function isDone(run: RunRecord): boolean {
  return run.kind === 'stream' ? run.watermarkUs > 0 : run.state === 'complete' && movesBookmark(run);
}

/** @returns null when the last of the runs was of another definition than the one in force, or there is none */
function completeUpTo({ definitionId, source }: FeatureView, done: readonly RunRecord[]): number | null {
  const own = done.filter((run) => run.definitionId === definitionId);
  if (own.length === 0) return null;
  // Streams and runs over their archive take turns; what one of them has completed stays complete.
  if (source.stream !== undefined) return own.reduce((most, run) => Math.max(most, run.watermarkUs), 0);
  return done.at(-1) === own.at(-1) ? own.at(-1)!.watermarkUs : null;
}

interface Found {
  readonly watermarkUs: number | null;
  readonly onlineUs: number | null;
  /** Whether a run of any definition was complete. */
  readonly wasRun: boolean;
  readonly last: RunRecord | undefined;
}

/** @returns why a view does not meet the gate; null: it does */
function reasonOf(asOfUs: number, { watermarkUs, onlineUs, wasRun, last }: Found): string | null {
  if (watermarkUs !== null && watermarkUs >= asOfUs) {
    if (onlineUs === null) return 'lacks a marker in the online store';
    if (onlineUs >= asOfUs) return null;
    return `is vouched for in the online store up to ${timeText(onlineUs)} only`;
  }
  const now =
    last?.state === 'running'
      ? '; a run is under way'
      : last?.state === 'failed'
        ? `; its last run failed: ${last.error}`
        : '';
  if (watermarkUs !== null) return `is complete up to ${timeText(watermarkUs)} only${now}`;
  return `${wasRun ? 'was not yet run with the definition in force' : 'was never run to its end'}${now}`;
}

function timeText(us: number): string {
  return formatTimestamp(us).replace('.000000', '');
}
