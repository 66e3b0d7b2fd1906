/** What `plumb monitor run` and `plumb monitor report` do: judge a day, and draw its report. */
import { registryError } from '../contract/errors.ts';
import type { Project } from '../project/project.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import { DAY_US, dayOf } from '../contract/std/timestamp.ts';
import { renderReport } from './report/html/report.ts';
import { runMonitor } from './run.ts';
import { readSnapshot, reportFile, snapshotFile, writeReport } from './verdict/snapshot-folder.ts';
import type { Snapshot } from './verdict/snapshot.ts';

/** A service's verdict on a day, and the path of its files. */
export interface JudgedDay {
  readonly snapshot: Snapshot;
  readonly snapshotFile: string;
  readonly reportFile: string;
}

interface JudgeOptions {
  /** YYYY-MM-DD, UTC; default: yesterday by the project's clock. */
  readonly date?: string;
  /** Names of services; default: every service with a vector that day. */
  readonly services?: readonly string[];
}

/**
 * Judges a day and draws a report for each service.
 *
 * @throws  what `runMonitor` throws; MON_REPORTS when the report cannot be written
 */
export async function judgeDay(project: Project, options: JudgeOptions = {}): Promise<JudgedDay[]> {
  const date = options.date ?? dayOf(project.clock.nowUs() - DAY_US);
  const snapshots = await RegistryDatabase.using(project.settings.registry, (database) =>
    runMonitor(project, database, {
      date,
      ...(options.services === undefined ? {} : { services: options.services }),
    }),
  );
  return snapshots.map((snapshot) => drawReport(project, snapshot));
}

/**
 * Draws the report of a day that was judged before.
 *
 * @throws REG_UNKNOWN when it was not judged
 */
export function redrawReport(project: Project, service: string, date: string): JudgedDay {
  const snapshot = readSnapshot(project.settings.reports, service, date);
  if (snapshot !== null) return drawReport(project, snapshot);
  throw registryError('REG_UNKNOWN', `${service} was not judged for ${date}`, {
    help: `Run \`plumb monitor run --date ${date} --service ${service}\` first.`,
  });
}

function drawReport({ settings: { reports } }: Project, snapshot: Snapshot): JudgedDay {
  const { service, date } = snapshot;
  writeReport(reports, snapshot, renderReport(snapshot));
  return {
    snapshot,
    snapshotFile: snapshotFile(reports, service, date),
    reportFile: reportFile(reports, service, date),
  };
}
