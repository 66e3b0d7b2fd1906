/** What `plumb monitor run` and `plumb monitor report` do: judge a day, and draw its report. */
import { registryError } from '../contract/errors.ts';
import type { Project } from '../project/project.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import { DAY_US, dayOf } from '../contract/std/timestamp.ts';
import { drawDay, drawIndex } from './report/report-folder.ts';
import { runMonitor } from './run.ts';
import { readSnapshot, reportFile, snapshotFile } from './verdict/snapshot-folder.ts';
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
 * Judges a day and draws a report for each service, and the index of all reports.
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
  const days = snapshots.map((snapshot) => drawn(project, snapshot));
  drawIndex(project.settings.reports, project.settings.project);
  return days;
}

/**
 * Draws the report of a day that was judged before, and the index.
 *
 * @throws REG_UNKNOWN when it was not judged
 */
export function redrawReport(project: Project, service: string, date: string): JudgedDay {
  const { reports, project: name } = project.settings;
  const snapshot = readSnapshot(reports, service, date);
  if (snapshot !== null) {
    const day = drawn(project, snapshot);
    drawIndex(reports, name);
    return day;
  }
  throw registryError('REG_UNKNOWN', `${service} was not judged for ${date}`, {
    help: `Run \`plumb monitor run --date ${date} --service ${service}\` first.`,
  });
}

function drawn({ settings: { reports }, logger }: Project, snapshot: Snapshot): JudgedDay {
  const { service, date } = snapshot;
  drawDay(reports, snapshot, logger);
  return {
    snapshot,
    snapshotFile: snapshotFile(reports, service, date),
    reportFile: reportFile(reports, service, date),
  };
}
