/**
 * What follows a run of the monitor: receivers are told of alerts, the verdicts' metrics are written and pushed, and
 * the heartbeat is called. After a run on an hour receivers are told alone: metrics and heartbeat are of the last day,
 * so that a day that nobody judged is noticed. Of a service that the definitions no longer have, the ends of its alerts
 * are told, and nothing more. None of it changes the verdict or the exit code: what fails is warned
 * of.
 */
import { currentHash, loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import type { Project } from '../../project/project.ts';
import type { SecretText } from '../../project/settings/monitor-settings.ts';
import { spanText } from '../judged-span.ts';
import { judgedDates, judgedServices, readSnapshot } from '../verdict/snapshot-folder.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import { alertDays } from './alert-days.ts';
import { openAlerts } from './alert-fold.ts';
import type { OpenAlert } from './alert-fold.ts';
import type { AlertedService, AlertFault } from './alert-message.ts';
import { tellAlerts, tellingText } from './alerting.ts';
import type { Telling } from './alerting.ts';
import { deliver } from './deliver.ts';
import type { Undelivered } from './deliver.ts';
import { secretValue } from './secret-value.ts';
import { ToldAlerts } from './told-alerts.ts';
import { pushPath, verdictMetrics } from './verdict-metrics.ts';
import type { MeasuredService } from './verdict-metrics.ts';

/**
 * @param judged   the verdicts of the run, written already
 * @param isWhole  whether every service was judged: else no heartbeat is sent
 * @returns        lines for the person who ran it; empty: nobody had to be told
 */
export async function afterRun(
  project: Project,
  judged: readonly Snapshot[],
  isWhole = true,
): Promise<string> {
  const { alerts, metrics, pushUrl, pushUrlFile, heartbeatUrl, heartbeatUrlFile } = project.settings.monitor;
  const push = secretOf(pushUrl, pushUrlFile);
  const heartbeat = secretOf(heartbeatUrl, heartbeatUrlFile);
  const isRemoved = removedFrom(project);
  const tellings =
    alerts.length === 0
      ? []
      : await tellAlerts(project, () => [
          ...judged.map((snapshot) => alertedService(project, snapshot)),
          ...ToldAlerts.services(project.settings.reports).filter(isRemoved).map(removedService),
        ]);
  if (judged.some(({ hour }) => hour !== undefined)) return tellingText(tellings);
  if (metrics !== null || push !== null) await publishMetrics(project, judged, tellings, isRemoved);
  if (heartbeat !== null && isWhole) {
    await calling(project, 'the heartbeat', async (sendMs, ca) =>
      deliver({ method: 'GET', url: secretValue(heartbeat), ca }, sendMs),
    );
  }
  return tellingText(tellings);
}

function openOf({ settings, logger }: Project, service: string): OpenAlert<AlertFault>[] {
  return openAlerts(alertDays(settings.reports, service, logger));
}

function alertedService(project: Project, snapshot: Snapshot): AlertedService {
  const { service, date, hour, verdict, sentence, provisional } = snapshot;
  const { reportsUrl } = project.settings.monitor;
  const reportOf: AlertedService['reportOf'] = (day) =>
    reportsUrl === null ? null : `${reportsUrl}/${encodeURIComponent(service)}/${spanText(day)}.html`;
  const span = hour === undefined ? { date } : { date, hour };
  const report = reportOf({ date, hour: hour ?? null });
  return {
    service,
    judged: { service, ...span, verdict, sentence, isProvisional: provisional, report },
    open: openOf(project, service),
    reportOf,
  };
}

/** @returns whether a service is no longer in the definitions: nobody runs the monitor on it then */
function removedFrom({ settings: { bundles }, logger }: Project): (service: string) => boolean {
  try {
    if (currentHash(bundles) === null) return () => false;
    const { services } = loadCurrentBundle(bundles);
    return (service) => !services.has(service);
  } catch (error) {
    logger.warn(`services that were removed are told and measured: ${(error as Error).message}`);
    return () => false;
  }
}

function removedService(service: string): AlertedService {
  return { service, judged: null, open: [], reportOf: () => null };
}

async function publishMetrics(
  project: Project,
  judged: readonly Snapshot[],
  tellings: readonly Telling[],
  isRemoved: (service: string) => boolean,
): Promise<void> {
  const { settings, logger } = project;
  const { metrics, pushUrl, pushUrlFile } = settings.monitor;
  const measured = measuredServices(
    project,
    judged,
    judgedServices(settings.reports).filter((service) => !isRemoved(service)),
  );
  const failed = tellings.map(({ receiver, told }) => [receiver, told === 'failed'] as const);
  const text = verdictMetrics(measured, Object.fromEntries(failed));
  if (metrics !== null) {
    try {
      // The collector is another user's program.
      writeDurably(metrics, text, 0o644);
    } catch (error) {
      logger.warn(`${metrics} cannot be written: ${(error as Error).message}`);
    }
  }
  const push = secretOf(pushUrl, pushUrlFile);
  if (push === null) return;
  await calling(project, 'the Pushgateway', async (sendMs, ca) => {
    const url = `${secretValue(push).replace(/\/+$/, '')}${pushPath(settings.project)}`;
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
    return deliver({ method: 'PUT', url, headers, body: text, ca }, sendMs);
  });
}

/** Of services that this run judged or an earlier one: the metrics replace what was there. */
function measuredServices(
  project: Project,
  judged: readonly Snapshot[],
  services: readonly string[],
): MeasuredService[] {
  const { settings, clock, logger } = project;
  return services.flatMap((service) => {
    const date = judgedDates(settings.reports, service).at(-1)!;
    try {
      const snapshot = readSnapshot(settings.reports, service, date)!;
      const isOfRun = judged.some((one) => one.service === service);
      const lastRunUs = isOfRun ? clock.nowUs() : Number(parseTimestamp(snapshot.judgedAt) ?? 0n);
      const open = openOf(project, service);
      const count = (level: string): number => open.filter((alert) => alert.level === level).length;
      return [{ snapshot, lastRunUs, openAlerts: { page: count('page'), note: count('note') } }];
    } catch (error) {
      logger.warn(`${service} is not in the metrics: ${(error as Error).message}`);
      return [];
    }
  });
}

async function calling(
  { settings, logger }: Project,
  what: string,
  call: (sendMs: number, ca: string | null) => Promise<Undelivered | null>,
): Promise<void> {
  const { sendMs, ca } = settings.monitor;
  let why: string | null;
  try {
    why = (await call(sendMs, ca))?.why ?? null;
  } catch (error) {
    why = (error as Error).message;
  }
  if (why !== null) logger.warn(`${what} was not reached: ${why}`);
}

function secretOf(secret: string | null, file: string | null): SecretText | null {
  if (file !== null) return { secret: null, file, variable: null };
  return secret === null ? null : { secret, file: null, variable: null };
}
