/**
 * Tells receivers of what a run has found: the alerts of its services are worked out of the verdicts on disk, held
 * against what each receiver was told, and sent as one message to each. Called by after-run.ts. Never throws for a
 * receiver: the verdict stands whether or not somebody could be told.
 */
import type { Logger } from '../../contract/std/logger.ts';
import type { Project } from '../../project/project.ts';
import type { HttpCall } from '../../project/connections/http-call.ts';
import type { ReceiverSettings } from '../../project/settings/monitor-settings.ts';
import { alertMessage, hasNews, newsText } from './alert-message.ts';
import type { AlertedService, AlertMessage } from './alert-message.ts';
import { deliver } from './deliver.ts';
import { alertmanagerBody } from './receivers/alertmanager.ts';
import type { ReceiverBody } from './receivers/receiver-body.ts';
import { slackBody } from './receivers/slack.ts';
import { webhookBody } from './receivers/webhook.ts';
import { secretValue } from './secret-value.ts';
import { ToldAlerts } from './told-alerts.ts';
import { withToldLock } from './told-lock.ts';

/** What became of one receiver's message. */
export interface Telling {
  readonly receiver: string;
  readonly told: 'nothing new' | 'told' | 'failed';
  /** What it was told, or why it was not. */
  readonly text: string;
}

/** @param servicesOf  asked when it is this run's turn: another one may have judged days meanwhile */
export async function tellAlerts(
  project: Project,
  servicesOf: () => readonly AlertedService[],
): Promise<Telling[]> {
  const { reports, monitor } = project.settings;
  let tellings: Telling[];
  try {
    // Another run may have begun to send, and then has as long as this one.
    const waitMs = 2 * monitor.sendMs;
    tellings = await withToldLock(reports, waitMs, () => tellEach(project, servicesOf()));
  } catch (error) {
    tellings = monitor.alerts.map(({ name }) => failed(name, (error as Error).message));
  }
  warnOfFailures(tellings, project.logger);
  return tellings;
}

async function tellEach(
  { settings, clock, logger }: Project,
  services: readonly AlertedService[],
): Promise<Telling[]> {
  const told = new Map(
    services.map(({ service }) => [service, ToldAlerts.read(settings.reports, service, logger)]),
  );
  const { alerts: receivers, sendMs, ca } = settings.monitor;
  const tell = async (receiver: ReceiverSettings): Promise<Telling> => {
    const message = alertMessage(settings.project, services, (service) =>
      told.get(service)!.of(receiver.name),
    );
    const body = bodyFor(receiver, message, clock.nowUs());
    const files = services.map(({ service, open }) => ({ file: told.get(service)!, open }));
    if (body !== null) {
      // A secret that is not there fails before anything is begun.
      const call = callOf(receiver, body, ca);
      const begun = files.map(({ file, open }) => ({ file, before: file.begin(receiver.name, open) }));
      const undelivered = await deliver(call, sendMs);
      if (undelivered !== null) {
        if (!undelivered.mayHaveArrived) {
          for (const { file, before } of begun) file.refused(receiver.name, before);
        }
        return failed(receiver.name, undelivered.why);
      }
    }
    for (const { file, open } of files) file.record(receiver.name, open);
    return hasNews(message)
      ? { receiver: receiver.name, told: 'told', text: newsText(message) }
      : { receiver: receiver.name, told: 'nothing new', text: '' };
  };
  return Promise.all(receivers.map((receiver) => telling(receiver, tell)));
}

function failed(receiver: string, text: string): Telling {
  return { receiver, told: 'failed', text };
}

/** A fault of ours, or of the folder of reports, is told like one of the receiver. */
async function telling(
  receiver: ReceiverSettings,
  tell: (receiver: ReceiverSettings) => Promise<Telling>,
): Promise<Telling> {
  try {
    return await tell(receiver);
  } catch (error) {
    return failed(receiver.name, (error as Error).message);
  }
}

function bodyFor({ kind }: ReceiverSettings, message: AlertMessage, nowUs: number): ReceiverBody | null {
  switch (kind) {
    case 'webhook':
      return webhookBody(message);
    case 'slack':
      return slackBody(message);
    case 'alertmanager':
      return alertmanagerBody(message, nowUs);
  }
}

/** @throws Error where a secret is not there */
function callOf(
  { address, bearer }: ReceiverSettings,
  { path, headers, body }: ReceiverBody,
  ca: string | null,
): Omit<HttpCall, 'limitMs'> {
  const url = `${path === '' ? secretValue(address) : secretValue(address).replace(/\/+$/, '')}${path}`;
  const all: Record<string, string> = { 'content-type': 'application/json', ...headers };
  if (bearer !== null) all['authorization'] = `Bearer ${secretValue(bearer)}`;
  return { method: 'POST', url, headers: all, body, ca };
}

function warnOfFailures(tellings: readonly Telling[], logger: Logger): void {
  for (const { receiver, told, text } of tellings) {
    if (told === 'failed') {
      logger.warn(`the receiver ${receiver} of alerts was not told: ${text}. The next run tells it again.`);
    }
  }
}

/** @returns a line for each receiver that was told or could not be; empty: there is nothing to say */
export function tellingText(tellings: readonly Telling[]): string {
  return tellings
    .filter(({ told }) => told !== 'nothing new')
    .map(
      ({ receiver, told, text }) => `Alerts, ${receiver}: ${told === 'failed' ? `not told: ${text}` : text}`,
    )
    .join('\n');
}
