/** What `plumb monitor run` and `plumb monitor report` do: judge a day or an hour, and draw its report. */
import { registryError } from '../contract/errors.ts';
import type { Project } from '../project/project.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { monitorError } from './errors.ts';
import { drawDay, drawIndex } from './report/report-folder.ts';
import { askedSpan, spanText, spanWords } from './judged-span.ts';
import type { JudgedSpan } from './judged-span.ts';
import type { Shard } from '../contract/run-record.ts';
import type { KeptShard } from './kept/role-shard.ts';
import { runMonitor, runShard } from './run.ts';
import type { MonitorEngine } from './run.ts';
import { recordVerdict } from './record/verdict-record.ts';
import { readSnapshot, reportFile, snapshotFile } from './verdict/snapshot-folder.ts';
import type { Snapshot } from './verdict/snapshot.ts';

/** A service's verdict on a day or an hour, and the path of its files. */
export interface JudgedDay {
  readonly snapshot: Snapshot;
  readonly snapshotFile: string;
  readonly reportFile: string;
}

interface JudgeOptions {
  /** YYYY-MM-DD, UTC; default: yesterday by the project's clock. */
  readonly date?: string;
  /** An hour of it, 0 to 23, or `last`, the newest hour that is over, without a date; default: the whole day. */
  readonly hour?: string;
  /** Names of services; default: every service with a vector then, or that was judged before the day. */
  readonly services?: readonly string[];
  /** Whether what another V8 computed on demand is judged all the same; not unless given. */
  readonly otherEngine?: boolean;
  /** What replays the day; DuckDB unless given. */
  readonly engine?: MonitorEngine;
}

/**
 * Judges a day or an hour, draws a report for each service, and the index of all reports; a day's verdicts go to the
 * registry, too.
 *
 * @param judged  is told of each service that is judged, also where another one cannot be
 * @throws        what `runMonitor` throws; MON_REPORTS when the report cannot be written
 */
export async function judgeDay(
  project: Project,
  options: JudgeOptions = {},
  judged: (day: JudgedDay) => void = () => {},
): Promise<JudgedDay[]> {
  const asked = askedOf(project, options);
  const days: JudgedDay[] = [];
  const add = async (database: RegistryDatabase, snapshot: Snapshot): Promise<void> => {
    const day = judgedDay(project, snapshot);
    days.push(day);
    judged(day);
    drawDay(project.settings.reports, snapshot, project.logger);
    await recordVerdict(project, database, snapshot);
  };
  try {
    await RegistryDatabase.using(project.settings.registry, (database) =>
      runMonitor(project, database, asked, (snapshot) => add(database, snapshot)),
    );
  } finally {
    if (days.length > 0) drawIndex(project.settings.reports, project.settings.project);
  }
  return days;
}

/** Judges a shard of a day or an hour, for the run that writes its verdicts. @throws what `runShard` throws */
export async function judgeShard(
  project: Project,
  options: JudgeOptions,
  shard: Shard,
): Promise<KeptShard[]> {
  const asked = askedOf(project, options);
  return await RegistryDatabase.using(project.settings.registry, (database) =>
    runShard(project, database, asked, shard),
  );
}

function askedOf(project: Project, options: JudgeOptions): Parameters<typeof runMonitor>[2] {
  const { date, hour } = askedSpan(options, project.clock.nowUs());
  const { services, otherEngine = false, engine = 'duckdb' } = options;
  return { date, hour, otherEngine, engine, ...(services === undefined ? {} : { services }) };
}

/**
 * Draws the report of a day or an hour that was judged before, and the index.
 *
 * @throws REG_UNKNOWN when it was not judged, MON_SNAPSHOT when what was written then is not whole
 */
export function redrawReport(project: Project, service: string, span: JudgedSpan): JudgedDay {
  const { reports, project: name } = project.settings;
  const snapshot = readSnapshot(reports, service, spanText(span));
  if (snapshot !== null) {
    try {
      drawDay(reports, snapshot, project.logger);
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const file = snapshotFile(reports, service, spanText(span));
      const what = `${file} cannot be shown, it is not whole: ${(error as Error).message}`;
      throw monitorError('MON_SNAPSHOT', what, { file }, error);
    }
    drawIndex(reports, name);
    return judgedDay(project, snapshot);
  }
  const hour = span.hour === null ? '' : ` --hour ${span.hour}`;
  throw registryError('REG_UNKNOWN', `${service} was not judged for ${spanWords(span)}`, {
    help: `Run \`plumb monitor run --date ${span.date}${hour} --service ${service}\` first.`,
  });
}

function judgedDay({ settings: { reports } }: Project, snapshot: Snapshot): JudgedDay {
  const { service } = snapshot;
  const span = spanText(snapshot);
  return {
    snapshot,
    snapshotFile: snapshotFile(reports, service, span),
    reportFile: reportFile(reports, service, span),
  };
}
