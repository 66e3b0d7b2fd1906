/**
 * A service's day without a vector. From its first verdict on a service has one on each day: a service that nobody asks
 * any more is told from a monitor that does not run. Before that there is nothing to judge, and no verdict, unless the
 * archive has lost what may have been its vectors.
 *
 * No verdict is given where it could be a worse one than there is: the vectors of a day may have gone since it was
 * judged.
 */
import type { FeatureService } from '../../contract/model.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { ServedFiles } from '../replay/served-files.ts';
import { judgedDates, readSnapshot } from '../verdict/snapshot-folder.ts';
import type { DayOfService } from './day-of-log.ts';

/**
 * @param services  those without a vector that can be judged
 * @returns         by name, those that get a verdict all the same; of hours and days to come there are none
 */
export async function quietDays(
  day: MonitoredDay,
  services: readonly FeatureService[],
): Promise<Map<string, DayOfService>> {
  const { project, duck, log, date, hour, fromUs } = day;
  const quiet = new Map<string, DayOfService>();
  if (hour !== null || date < log.keptFrom || fromUs > project.clock.nowUs()) return quiet;
  for (const service of services) {
    const [first] = judgedDates(project.settings.reports, service.name);
    const isKnown = first !== undefined && first <= date;
    if ((!isKnown && !mayHaveLost(log, service.name)) || hasBetter(day, service.name)) continue;
    const files = await ServedFiles.read(duck, [], service.requestKeys);
    // No edge is the newest of a vector.
    const span = { firstUs: day.toUs, lastUs: fromUs };
    quiet.set(service.name, { service, files, servers: [], vectors: 0, ...span, duplicates: 0 });
  }
  return quiet;
}

/** Whether a file of the service's is damaged, or nothing is left of a day of which files are gone. */
function mayHaveLost({ damaged, lostFiles, services }: MonitoredDay['log'], service: string): boolean {
  return damaged.has(service) || (lostFiles.length > 0 && services.size === 0);
}

/** Whether the day was judged when its vectors were there. A verdict that cannot be read may be one. */
function hasBetter({ project: { settings, logger }, date }: MonitoredDay, service: string): boolean {
  let vectors: string;
  try {
    const { read } = readSnapshot(settings.reports, service, date)?.vectors ?? { read: 0 };
    if (read === 0) return false;
    vectors = `of ${read} vectors`;
  } catch {
    vectors = 'which cannot be read';
  }
  logger.warn(
    `the log has no vectors of ${service} of ${date} any more: the verdict on it, ${vectors}, stays`,
  );
  return true;
}
