/** What a receiver does not know yet of a service's alerts. Pure. */
import { alertKey } from './alert-fold.ts';
import type { AlertLevel, DayFault, OpenAlert } from './alert-fold.ts';

/** An alert as a receiver was told of it. */
export interface ToldAlert {
  readonly view: string;
  readonly cause: string;
  /** What was told to act on stays so, also when its days are judged again and look milder. */
  readonly level: AlertLevel;
  /** The level under which Alertmanager may have it, where that is another. */
  readonly shown?: AlertLevel | undefined;
  readonly since: string;
}

export interface KnownAlerts {
  /** How many messages it has taken. */
  readonly taken: number;
  /** What it knows. */
  readonly told: readonly ToldAlert[];
  /** What a message was about that it may have taken, or not. */
  readonly begun: readonly ToldAlert[];
}

interface AlertChanges<F extends DayFault> {
  /** To act on: new, or known as a note until now. */
  readonly opened: readonly OpenAlert<F>[];
  /** Shown by the settled verdict only. */
  readonly noted: readonly OpenAlert<F>[];
  /** Known already, and still open. */
  readonly still: readonly OpenAlert<F>[];
  /** No longer open, of all that the receiver may have heard of. */
  readonly closed: readonly ToldAlert[];
  /** As Alertmanager may have them under another level than they have now: there they are other alerts. */
  readonly outdated: readonly ToldAlert[];
}

/** An alert that was told stays open since the day that was told, also when that day is no longer looked at. */
export function changesOf<F extends DayFault>(
  now: readonly OpenAlert<F>[],
  { told, begun }: KnownAlerts,
): AlertChanges<F> {
  const known = new Map(told.map((alert) => [alertKey(alert), alert]));
  const open = now.map((alert) => ({ ...alert, since: known.get(alertKey(alert))?.since ?? alert.since }));
  const heardOf = new Map([...begun, ...told].map((alert) => [alertKey(alert), alert]));
  const levels = new Map(open.map((alert) => [alertKey(alert), alert.level]));
  const isNew = (alert: OpenAlert<F>): boolean => {
    const before = known.get(alertKey(alert));
    return before === undefined || (alert.level === 'page' && before.level === 'note');
  };
  const opened = open.filter((alert) => isNew(alert) && alert.level === 'page');
  return {
    opened,
    noted: open.filter((alert) => isNew(alert) && alert.level === 'note'),
    still: open.filter((alert) => !isNew(alert)),
    closed: [...heardOf.values()].filter((alert) => !levels.has(alertKey(alert))),
    outdated: [...heardOf.values()].flatMap((alert) => {
      const shown = alert.shown ?? alert.level;
      return shown === (levels.get(alertKey(alert)) ?? alert.level) ? [] : [{ ...alert, level: shown }];
    }),
  };
}
