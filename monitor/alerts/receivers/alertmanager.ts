/**
 * Alerts for Prometheus' Alertmanager (API v2). It knows an alert by its labels and forgets what it is not sent, so
 * each run sends all that is open. It groups, silences and repeats by its own rules.
 *
 * Page and note differ by a label, and are two alerts there: of an alert whose level has changed the other one ends.
 *
 * An alert ends by the run that closes it. Where no run comes it ends after 7 days: by then the missing runs have been
 * told of themselves.
 */
import { DAY_US, formatTimestamp, parseTimestamp } from '../../../contract/std/timestamp.ts';
import { visibleText } from '../../../contract/std/visible-text.ts';
import type { AlertGroup, AlertMessage, ClosedGroup } from '../alert-message.ts';
import type { ReceiverBody } from './receiver-body.ts';

const LASTS_US = 7 * DAY_US;

interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** @returns null: nothing is open, and nothing has closed */
export function alertmanagerBody(message: AlertMessage, nowUs: number): ReceiverBody | null {
  const { opened, noted, still, closed, outdated } = message;
  const alerts = [
    ...[...opened, ...noted, ...still].flatMap((group) => openAlertsOf(message, group, nowUs)),
    ...[...closed, ...outdated].flatMap((group) => closedAlertsOf(message, group, nowUs)),
  ];
  if (alerts.length === 0) return null;
  return { path: '/api/v2/alerts', headers: {}, body: JSON.stringify(alerts) };
}

function openAlertsOf({ project }: AlertMessage, group: AlertGroup, nowUs: number): PostedAlert[] {
  const { owners, models, command } = group;
  return group.services.map(({ service, date, text, report }) => ({
    labels: labelsOf(project, service, group),
    annotations: {
      summary: visibleText(text),
      day: date,
      ...(owners.length === 0 ? {} : { owners: visibleText(owners.join(', ')) }),
      ...(models.length === 0 ? {} : { models: visibleText(models.join(', ')) }),
      ...(command === null ? {} : { command: visibleText(command) }),
      ...(report === null ? {} : { report }),
    },
    startsAt: startOf(group),
    endsAt: formatTimestamp(nowUs + LASTS_US),
    ...(report === null ? {} : { generatorURL: report }),
  }));
}

function closedAlertsOf({ project }: AlertMessage, group: ClosedGroup, nowUs: number): PostedAlert[] {
  return group.services.map((service) => ({
    labels: labelsOf(project, service, group),
    annotations: {},
    startsAt: startOf(group),
    endsAt: formatTimestamp(nowUs),
  }));
}

/** These make the alert what it is; a label without a text would be refused. */
function labelsOf(
  project: string,
  service: string,
  { view, cause, level }: Pick<AlertGroup, 'view' | 'cause' | 'level'>,
): Record<string, string> {
  return {
    alertname: 'PlumblineSkew',
    project: visibleText(project),
    service: visibleText(service),
    ...(view === '' ? {} : { view: visibleText(view) }),
    cause,
    severity: level === 'page' ? 'page' : 'warn',
  };
}

function startOf({ since }: Pick<AlertGroup, 'since'>): string {
  return formatTimestamp(parseTimestamp(since) ?? 0n);
}
