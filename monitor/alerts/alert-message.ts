/**
 * The one message that a run has for a receiver: what opened, what the settled verdict alone shows, what closed, and
 * what is still open. Grouped by view and cause, since one fault mostly hits several services. Pure.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import { countText } from '../../contract/std/count-text.ts';
import type { Verdict } from '../../contract/verdict.ts';

import type { AlertDay, AlertLevel, DayFault, OpenAlert } from './alert-fold.ts';
import { changesOf } from './alert-changes.ts';
import type { KnownAlerts, ToldAlert } from './alert-changes.ts';

/** A fault with what the reader of a message needs of it. */
export interface AlertFault extends DayFault {
  /** One sentence. */
  readonly text: string;
  readonly owners: readonly string[];
  readonly models: readonly string[];
  /** What to run next; null: nothing is known. */
  readonly command: string | null;
}

/** The verdict that the run has given a service. */
interface ToldVerdict {
  readonly service: string;
  readonly date: string;
  /** 0 to 23; absent: the verdict is on the whole day. */
  readonly hour?: number;
  readonly verdict: Verdict;
  readonly sentence: string;
  readonly isProvisional: boolean;
  /** Its report: a URL, or null where the folder of reports is not served. */
  readonly report: string | null;
}

/** A service that the run judged, or one that the definitions no longer have: its alerts close. */
export interface AlertedService {
  readonly service: string;
  /** null: the run did not judge it. */
  readonly judged: ToldVerdict | null;
  readonly open: readonly OpenAlert<AlertFault>[];
  /** The link to the report of another day, or an hour, of the service. */
  reportOf(day: Pick<AlertDay, 'date' | 'hour'>): string | null;
}

export interface AlertGroup {
  readonly view: string;
  readonly cause: string;
  readonly since: string;
  readonly level: AlertLevel;
  readonly services: readonly ServiceOfGroup[];
  readonly owners: readonly string[];
  readonly models: readonly string[];
  readonly command: string | null;
}

interface ServiceOfGroup {
  readonly service: string;
  /** The newest bad day. */
  readonly date: string;
  readonly text: string;
  readonly report: string | null;
}

export interface ClosedGroup {
  readonly view: string;
  readonly cause: string;
  readonly since: string;
  readonly level: AlertLevel;
  readonly services: readonly string[];
}

export interface AlertMessage {
  /** The same for the same changes, so that a receiver can tell a message that comes twice. */
  readonly key: string;
  readonly project: string;
  readonly opened: readonly AlertGroup[];
  readonly noted: readonly AlertGroup[];
  readonly closed: readonly ClosedGroup[];
  readonly still: readonly AlertGroup[];
  /** Open or closed ones, as Alertmanager may have them under another level. */
  readonly outdated: readonly ClosedGroup[];
  readonly verdicts: readonly ToldVerdict[];
}

/** @param toldOf  what the receiver knows of a service's alerts */
export function alertMessage(
  project: string,
  services: readonly AlertedService[],
  toldOf: (service: string) => KnownAlerts,
): AlertMessage {
  const all = services.map((of) => ({ of, changes: changesOf(of.open, toldOf(of.service)) }));
  const open = (which: 'opened' | 'noted' | 'still'): AlertGroup[] =>
    openGroups(all.flatMap(({ of, changes }) => changes[which].map((alert) => ({ of, alert }))));
  const known = (which: 'closed' | 'outdated'): ClosedGroup[] =>
    closedGroups(all.flatMap(({ of, changes }) => changes[which].map((alert) => ({ of, alert }))));
  const changes = { opened: open('opened'), noted: open('noted'), closed: known('closed') };
  return {
    key: keyOf(project, changes, (service) => toldOf(service).taken),
    project,
    ...changes,
    still: open('still'),
    outdated: known('outdated'),
    verdicts: services.flatMap(({ judged }) => judged ?? []),
  };
}

/** @returns whether there is something that the receiver was not told yet */
export function hasNews({ opened, noted, closed }: AlertMessage): boolean {
  return opened.length + noted.length + closed.length > 0;
}

/** @returns such as `2 alerts opened, 1 closed`; empty: nothing is new */
export function newsText({ opened, noted, closed }: AlertMessage): string {
  const parts = [
    opened.length === 0 ? '' : `${countText(opened.length, 'alert')} opened`,
    noted.length === 0 ? '' : `${countText(noted.length, 'note')}`,
    closed.length === 0 ? '' : `${countText(closed.length, 'alert')} closed`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

interface OpenOf {
  readonly of: AlertedService;
  readonly alert: OpenAlert<AlertFault>;
}

function openGroups(all: readonly OpenOf[]): AlertGroup[] {
  const groups = Map.groupBy(all, ({ alert }) => JSON.stringify([alert.view, alert.cause, alert.level]));
  return [...groups.values()].map((own) => {
    const { view, cause, level, last } = own[0]!.alert;
    const faults = own.map(({ alert }) => alert.last.fault);
    return {
      view,
      cause,
      level,
      since: earliest(own.map(({ alert }) => alert.since)),
      services: own.map(({ of, alert }) => {
        const { day, fault } = alert.last;
        return { service: of.service, date: day.date, text: fault.text, report: of.reportOf(day) };
      }),
      owners: distinct(faults.flatMap(({ owners }) => owners)),
      models: distinct(faults.flatMap(({ models }) => models)),
      command: last.fault.command,
    };
  });
}

function closedGroups(
  all: readonly { readonly of: AlertedService; readonly alert: ToldAlert }[],
): ClosedGroup[] {
  const groups = Map.groupBy(all, ({ alert }) => JSON.stringify([alert.view, alert.cause, alert.level]));
  return [...groups.values()].map((own) => {
    const { view, cause, level } = own[0]!.alert;
    const since = earliest(own.map(({ alert }) => alert.since));
    return { view, cause, level, since, services: own.map(({ of }) => of.service) };
  });
}

/** What opens again after its end was told is another message, though it says the same: it is a later one. */
function keyOf(
  project: string,
  { opened, noted, closed }: Pick<AlertMessage, 'opened' | 'noted' | 'closed'>,
  takenOf: (service: string) => number,
): string {
  const counted = (services: readonly string[]): object[] =>
    services.map((service) => ({ service, taken: takenOf(service) }));
  const open = (groups: readonly AlertGroup[]): object[] =>
    groups.map(({ view, cause, since, services }) => {
      return { view, cause, since, services: counted(services.map(({ service }) => service)) };
    });
  const known = closed.map(({ view, cause, since, services }) => {
    return { view, cause, since, services: counted(services) };
  });
  const content = { project, opened: open(opened), noted: open(noted), closed: known };
  const text = canonicalJson(content as unknown as Parameters<typeof canonicalJson>[0]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function earliest(dates: readonly string[]): string {
  return dates.reduce((first, date) => (date < first ? date : first));
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
