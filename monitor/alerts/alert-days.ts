/**
 * The judged days of a service as its alerts see them, with the hours that were judged alone: read from the snapshots
 * of the last 30 days that have one. An alert that these alone would not open is closed. Of hours an alarm alone opens
 * anything, so no other hour is read.
 */
import { countText } from '../../contract/std/count-text.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { spanText } from '../judged-span.ts';
import { alarmedHours } from '../report/judged-days.ts';
import { LIMITS } from '../limits.ts';
import { faultsOf } from '../verdict/faults.ts';
import type { SnapshotFault } from '../verdict/faults.ts';
import { judgedOf, sum } from '../verdict/findings.ts';
import { judgedDates, oldestAlertDay, readSnapshot } from '../verdict/snapshot-folder.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import { alertKey } from './alert-fold.ts';
import type { AlertDay } from './alert-fold.ts';
import type { AlertFault } from './alert-message.ts';

/** @returns oldest first; skips, with a warning, a snapshot that cannot be read: its day counts neither way */
export function alertDays(reports: string, service: string, logger: Logger): AlertDay<AlertFault>[] {
  const days = judgedDates(reports, service);
  const from = oldestAlertDay(reports, service);
  const alarmed = alarmedHours(reports, service, from).map(spanText);
  return [...days.filter((date) => date >= from), ...alarmed].flatMap((span) => {
    try {
      const snapshot = readSnapshot(reports, service, span);
      return snapshot === null ? [] : [alertDay(snapshot)];
    } catch (error) {
      logger.warn(`the verdict of ${span} counts in no alert: ${(error as Error).message}`);
      return [];
    }
  });
}

export function alertDay(snapshot: Snapshot): AlertDay<AlertFault> {
  const { date, hour = null, provisional, earlierFaults } = snapshot;
  // A day without an earlier verdict was settled when it was first judged.
  const shown =
    earlierFaults === undefined || provisional
      ? null
      : new Set(earlierFaults.map((fault) => alertKey(fault)));
  const faults = faultsOf(snapshot).map((fault) => {
    return { ...alertFault(fault, snapshot), isLate: shown !== null && !shown.has(alertKey(fault)) };
  });
  return { date, hour, counts: (view) => hasEnough(snapshot, view), faults };
}

/** A view that the service no longer takes, and what is of no single view, go by the verdict on all. */
function hasEnough({ verdict, views, features }: Snapshot, view: string): boolean {
  if (!views.some((one) => one.view === view)) return verdict !== 'not-enough-data';
  const own = features.filter((feature) => feature.view === view);
  const [judged, unjudged] = [sum(own, judgedOf), sum(own, (feature) => feature.unjudged)];
  if (judged === 0 || unjudged / (judged + unjudged) > LIMITS.unjudgedMost) return false;
  // A rate may have taken the days before in.
  return own.some(
    (one) => judgedOf(one) >= LIMITS.leastValues || (one.present > 0 && one.level !== 'too-few'),
  );
}

function alertFault(
  { view, cause, atOnce, finding, incident }: SnapshotFault,
  { consumers, views }: Snapshot,
): Omit<AlertFault, 'isLate'> {
  if (incident !== null) {
    const { owners, models, command } = incident;
    const told = { text: incidentText(incident), owners, models, command: command === '' ? null : command };
    return { view, cause, atOnce, ...told };
  }
  const owner = views.find((one) => one.view === view)?.owner;
  return {
    view,
    cause,
    atOnce,
    text: finding.text,
    owners: owner === undefined || owner === null ? [] : [owner],
    models: consumers.map(({ model }) => model),
    command: view === '' ? null : `plumb show ${view}`,
  };
}

/** Such as `stores__revenue_30d and 2 more: 75 values of 15 rows beyond the promise, 09:20 to 11:05`. */
function incidentText(incident: NonNullable<SnapshotFault['incident']>): string {
  const { features, beyondPromise } = incident;
  const { rows, from, to } = incident.beyond ?? incident;
  const [first = 'no feature'] = features;
  const more = features.length > 1 ? ` and ${features.length - 1} more` : '';
  const time = (text: string): string => text.slice(11, 16);
  const when = time(from) === time(to) ? `at ${time(from)}` : `${time(from)} to ${time(to)}`;
  return `${first}${more}: ${countText(beyondPromise, 'value')} of ${countText(rows, 'row')} beyond the promise, ${when}`;
}
