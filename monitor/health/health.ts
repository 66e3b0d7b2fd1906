/** Answers `plumb monitor health`: every check of the project, from run records, verdicts and the sidecars' metrics. */
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { judgedDates, readSnapshot } from '../verdict/snapshot-folder.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import type { HealthCheck } from './health-check.ts';
import { countsOfPrometheus, countsOfSidecars } from './serving-counts.ts';
import type { ServingCounts } from './serving-counts.ts';
import { servingHealth } from './serving-health.ts';
import { DAYS_MOST, verdictHealth } from './verdict-health.ts';
import { viewHealth } from './view-health.ts';

interface HealthOptions {
  /** `host:port` of admin ports. */
  readonly sidecars?: readonly string[];
  /** URL; stands over `sidecars`. */
  readonly prometheus?: string;
  /** How far back Prometheus is asked, in microseconds. */
  readonly overUs: number;
}

const LIMIT_MS = 10_000;

/** @throws REG_NOT_APPLIED, REG_STORE */
export async function projectHealth(project: Project, options: HealthOptions): Promise<HealthCheck[]> {
  const { settings, clock } = project;
  const bundle = loadCurrentBundle(settings.bundles);
  const nowUs = clock.nowUs();
  const views = await RegistryDatabase.using(settings.registry, async (database) => {
    const checks: HealthCheck[] = [];
    for (const view of bundle.views.values()) {
      checks.push(...viewHealth(view, await database.runs({ view: view.id }), nowUs));
    }
    return checks;
  });
  const verdicts = [...bundle.services.keys()].flatMap((service) =>
    verdictHealth(service, newestVerdicts(settings.reports, service), nowUs),
  );
  return [...views, ...verdicts, ...servingHealth(await countsOf(project, options))];
}

/** Those that can say something of now, the newest first: a day without a vector has a verdict, too. */
function newestVerdicts(reports: string, service: string): (Snapshot | Error)[] {
  const dates = judgedDates(reports, service).slice(-DAYS_MOST).toReversed();
  return dates.flatMap((date) => {
    try {
      return readSnapshot(reports, service, date) ?? [];
    } catch (error) {
      return error as Error;
    }
  });
}

async function countsOf(
  { settings }: Project,
  { sidecars, prometheus, overUs }: HealthOptions,
): Promise<ServingCounts | null> {
  const read = { limitMs: LIMIT_MS, ca: settings.monitor.ca };
  if (prometheus !== undefined) {
    return countsOfPrometheus(prometheus, { project: settings.project, overUs }, read);
  }
  return sidecars === undefined ? null : countsOfSidecars(sidecars, read);
}
