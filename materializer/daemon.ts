/**
 * `plumb materialize --daemon`: runs each view by its `schedule`, until it is asked to stop.
 *
 * A schedule of 30m is due at the whole half-hours (UTC), whenever the daemon was started; a view that missed one, or
 * that never ran, is due at once, and then once, not for each time it missed. The bundle is read again before every
 * round, so that what is applied meanwhile counts. A failed run is logged and tried again at its next time; the
 * other views go on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BundleTaker } from '../project/bundles/bundle-taker.ts';
import { loadWorkingBundle } from '../contract/definitions/bundle-folder.ts';
import type { Bundle, FeatureView } from '../contract/model.ts';
import type { Project } from '../project/project.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import { locateSources } from '../contract/definitions/source-variables.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { materializerError } from './errors.ts';
import { chosenViews, runMaterialize } from './materialize.ts';

export interface DaemonOptions {
  /** Ids of views; all that have a schedule unless given. */
  readonly views?: readonly string[];
  readonly signal: AbortSignal;
  /** Waits on the clock of the project; resolves early when the signal aborts. */
  readonly wait?: (us: number, signal: AbortSignal) => Promise<void>;
}

/** What is applied meanwhile, and a clock that is set, are noticed at least this often. */
const LONGEST_WAIT_US = 60_000_000;

/** @throws MAT_SCHEDULE when no view has a schedule; MAT_UNKNOWN_VIEW */
export async function runDaemon(
  project: Project,
  database: RegistryDatabase,
  { views, signal, wait = waitMs }: DaemonOptions,
): Promise<void> {
  const { clock, logger, settings } = project;
  const triedUs = new Map<string, number>();
  const taker = await BundleTaker.open(settings, logger);
  let told = '';
  while (!signal.aborted) {
    await taker?.take();
    const bundle = locateSources(loadWorkingBundle(settings.bundles), settings.vars);
    const scheduled = scheduledViews(bundle, views);
    const text = scheduled.map((v) => `${v.id} every ${formatDuration(v.scheduleUs!)}`).join(', ');
    if (text !== told) logger.info(`runs by schedule: ${text}`);
    told = text;
    let nextUs = Infinity;
    for (const view of scheduled) {
      if (signal.aborted) break;
      const lastUs = triedUs.get(view.id) ?? (await lastStartUs(database, view));
      const dueUs = dueAfter(view.scheduleUs!, lastUs);
      const nowUs = clock.nowUs();
      if (dueUs > nowUs) {
        nextUs = Math.min(nextUs, dueUs);
        continue;
      }
      triedUs.set(view.id, nowUs);
      await tryRun(view, project, () =>
        runMaterialize(project, bundle, database, { views: [view.id], signal }),
      );
      nextUs = Math.min(nextUs, dueAfter(view.scheduleUs!, nowUs));
    }
    const leftUs = nextUs - clock.nowUs();
    if (leftUs > 0 && !signal.aborted) await wait(Math.min(leftUs, LONGEST_WAIT_US), signal);
  }
  taker?.close();
  logger.info(`ended by ${String(signal.reason)}`);
}

function scheduledViews(bundle: Bundle, ids: readonly string[] | undefined): FeatureView[] {
  const chosen = chosenViews(bundle, ids);
  const scheduled = chosen.filter((view) => view.scheduleUs !== null && view.scheduleUs > 0);
  if (scheduled.length > 0) return scheduled;
  throw materializerError(
    'MAT_SCHEDULE',
    `none of the views has a schedule: ${chosen.map(({ id }) => id).join(', ') || 'there are none'}`,
    { field: 'schedule' },
  );
}

/** @returns the first time on the schedule's grid after a run began; 0 when none ever did */
export function dueAfter(scheduleUs: number, lastUs: number | null): number {
  return lastUs === null ? 0 : (Math.floor(lastUs / scheduleUs) + 1) * scheduleUs;
}

async function lastStartUs(database: RegistryDatabase, view: FeatureView): Promise<number | null> {
  const runs = await database.runs({ view: view.id });
  const complete = runs.filter((run) => run.state === 'complete' && run.kind === 'ordinary');
  return complete.at(-1)?.startedUs ?? null;
}

/** A run that fails is told; the view's next one tries again. */
async function tryRun(view: FeatureView, project: Project, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const nextUs = dueAfter(view.scheduleUs!, project.clock.nowUs());
    const { message } = error as Error;
    project.logger.warn(`${view.id} failed, next at ${formatTimestamp(nextUs).slice(0, 19)}Z: ${message}`);
  }
}

async function waitMs(us: number, signal: AbortSignal): Promise<void> {
  await sleep(us / 1_000, undefined, { signal }).catch(() => {});
}
