/**
 * The last verdicts as Prometheus text: a dead-man signal, since a rule can tell how long ago a run was, and a history
 * of rates for dashboards. Written as a textfile for the node exporter's collector, pushed to a Pushgateway, or both.
 * Times are seconds since 1970, so that `time() - metric` is an age whenever they are read.
 */
import { Exposition } from '../../contract/std/exposition.ts';
import type { Sample } from '../../contract/std/exposition.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import type { AlertLevel } from './alert-fold.ts';

/** What is told of one service: its newest verdict. */
export interface MeasuredService {
  readonly snapshot: Snapshot;
  /** When it was last judged, whichever day. */
  readonly lastRunUs: number;
  readonly openAlerts: Readonly<Record<AlertLevel, number>>;
}

const VERDICTS = ['pass', 'alert', 'alarm', 'not-enough-data'] as const;

/** @param failed  by receiver, whether the last run could not tell it what it had to tell */
export function verdictMetrics(
  services: readonly MeasuredService[],
  failed: Readonly<Record<string, boolean>>,
): string {
  const out = new Exposition();
  const gauge = (name: string, help: string, samplesOf: (of: MeasuredService) => readonly Sample[]): void =>
    out.gauge(`plumbline_monitor_${name}`, help, services.flatMap(samplesOf));
  const perFeature = (value: (feature: Snapshot['features'][number]) => number | null) => {
    return ({ snapshot: { service, features } }: MeasuredService): Sample[] =>
      features.flatMap((feature) => {
        const number = value(feature);
        return number === null ? [] : [[{ service, feature: feature.name }, number] satisfies Sample];
      });
  };
  gauge('last_run_timestamp_seconds', 'When the service was last judged.', ({ snapshot, lastRunUs }) => [
    [{ service: snapshot.service }, lastRunUs / 1e6],
  ]);
  gauge('day_timestamp_seconds', 'The beginning of the newest day that was judged.', ({ snapshot }) => [
    [{ service: snapshot.service }, Number(parseTimestamp(snapshot.date) ?? 0n) / 1e6],
  ]);
  gauge('verdict', 'Whether this is the verdict on that day.', ({ snapshot: { service, verdict } }) =>
    VERDICTS.map((one) => [{ service, verdict: one }, one === verdict ? 1 : 0]),
  );
  gauge('incidents', 'Incidents of that day.', ({ snapshot: { service, incidents } }) => [
    [{ service }, incidents.length],
  ]);
  gauge('open_alerts', 'Alerts that are open: to act on, or only told.', ({ snapshot, openAlerts }) =>
    (['page', 'note'] as const).map((level) => [{ service: snapshot.service, level }, openAlerts[level]]),
  );
  gauge(
    'exact_match_ratio',
    'Share of the values present that match exactly.',
    perFeature(({ exactMatch }) => exactMatch),
  );
  gauge(
    'within_promise_ratio',
    'Share of the values present that match or are within the promise.',
    perFeature(({ exactMatchWithinPromise }) => exactMatchWithinPromise),
  );
  gauge(
    'present_values',
    'Values present on at least one side.',
    perFeature(({ present }) => present),
  );
  gauge(
    'beyond_promise_values',
    'Values that differ beyond the promise.',
    perFeature(({ beyondPromise }) => beyondPromise),
  );
  out.gauge(
    'plumbline_monitor_receiver_failed',
    'Whether a receiver of alerts could not be told by the last run.',
    Object.entries(failed).map(([receiver, has]): Sample => [{ receiver }, has ? 1 : 0]),
  );
  return out.text();
}

/** @returns where a Pushgateway keeps them: what was pushed for the project before is replaced */
export function pushPath(project: string): string {
  const plain = /^[\w.-]+$/.test(project);
  const text = plain ? project : Buffer.from(project).toString('base64url');
  return `/metrics/job/plumbline_monitor/project${plain ? '' : '@base64'}/${text}`;
}
