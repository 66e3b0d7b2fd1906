/** Alerts to real receivers: what is told, to whom, once, and what a receiver that fails does to the rest. */
import { createServer as createTlsServer } from 'node:https';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { afterRun } from '../../../monitor/alerts/after-run.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { snapshotFile, writeSnapshot } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Project } from '../../../project/project.ts';
import { openProject } from '../../../project/project.ts';
import { parsePrometheus } from '../../support/http/prometheus-text.ts';
import { listenOnce } from '../../support/http/test-server.ts';
import type { TestServer } from '../../support/http/test-server.ts';
import { makeCertificates } from '../../support/processes/certificates.ts';
import { startAlertmanager } from '../../support/prometheus/alertmanager.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { judgedDay } from '../../support/fixtures/judged-days.ts';
import type { FaultSample } from '../../support/fixtures/judged-days.ts';
import { SERVICE } from '../../support/fixtures/monitored-day.ts';
import { bundleOf, orders } from '../../support/fixtures/materialized-project.ts';
import { until } from '../../support/until.ts';

interface AlertedProject {
  readonly project: Project;
  readonly folder: string;
  readonly warnings: string[];
  /** Judges a day of a service as the monitor would, and does what follows. */
  judge(
    date: string,
    faults: readonly FaultSample[],
    more?: { provisional?: boolean; service?: string; hour?: number },
  ): Promise<string>;
}

function alertedProject(monitor: object): AlertedProject {
  const folder = scratchFolder({ 'plumbline.yaml': JSON.stringify({ project: 'retail', monitor }) });
  const warnings: string[] = [];
  const logger = { info() {}, warn: (line: string) => void warnings.push(line), progress() {} };
  const project = openProject(folder, logger, {});
  return {
    project,
    folder,
    warnings,
    judge(date, faults, { service = 'basket', ...more } = {}) {
      const snapshot = judgedDay({ service, date, faults, ...more });
      writeSnapshot(project.settings.reports, snapshot);
      return afterRun(project, [snapshot]);
    },
  };
}

interface Received {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** A receiver that keeps what it takes. */
async function receiver(
  answer: () => number = () => 200,
): Promise<TestServer & { readonly taken: Received[] }> {
  const taken: Received[] = [];
  const server = await listenOnce((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const status = answer();
      if (status === 200) taken.push({ headers: request.headers, body });
      response.writeHead(status).end(status === 200 ? 'ok' : 'not now');
    });
  });
  return { ...server, taken };
}

const LAG: FaultSample = { view: 'stores', cause: 'materialization lag' };
const ZEROS: FaultSample = { view: 'customers', cause: 'null or default substituted', atOnce: true };

const ZEROS_NAME = { view: ZEROS.view, cause: ZEROS.cause };

const webhook = (at: string, more: object = {}) => ({ kind: 'webhook', url: `http://${at}/hook`, ...more });

interface WebhookMessage {
  readonly key: string;
  readonly text: string;
  readonly opened: readonly {
    view: string;
    cause: string;
    services: readonly { service: string; report: string | null }[];
  }[];
  readonly noted: readonly { view: string }[];
  readonly closed: readonly { view: string; services: readonly string[] }[];
  readonly still: readonly { view: string }[];
  readonly verdicts: readonly object[];
}

const messages = ({ taken }: { readonly taken: readonly Received[] }): WebhookMessage[] =>
  taken.map(({ body }) => JSON.parse(body) as WebhookMessage);

describe('what a webhook is told', () => {
  test('nothing of one bad day, of the second that the alert is open, of three good ones that it is closed', async () => {
    const server = await receiver();
    const { judge } = alertedProject({ reportsUrl: 'https://reports/x/', alerts: [webhook(server.at)] });
    expect(await judge('2026-11-01', [LAG])).toBe('');
    expect(await judge('2026-11-02', [LAG])).toBe('Alerts, webhook: 1 alert opened');
    expect(await judge('2026-11-03', [LAG])).toBe('');
    for (const day of ['04', '05']) expect(await judge(`2026-11-${day}`, [])).toBe('');
    expect(await judge('2026-11-06', [])).toBe('Alerts, webhook: 1 alert closed');
    const [opened, closed, ...more] = messages(server);
    expect(more).toEqual([]);
    expect(opened!.opened).toMatchObject([
      {
        ...LAG,
        since: '2026-11-01',
        owners: ['ml-platform'],
        models: ['basket-value'],
        command: 'plumb show stores',
      },
    ]);
    expect(opened!.opened[0]!.services[0]!.report).toBe('https://reports/x/basket/2026-11-02.html');
    expect(closed!.closed).toMatchObject([{ view: 'stores', services: ['basket'] }]);
    expect(server.taken[0]!.headers).toMatchObject({ 'idempotency-key': opened!.key });
  });

  test('once of what is at once, with what was still open, however often the day is judged', async () => {
    const server = await receiver();
    const { judge } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [LAG]);
    await judge('2026-11-02', [LAG]);
    for (let again = 0; again < 3; again++) await judge('2026-11-03', [LAG, ZEROS]);
    expect(messages(server).map(({ opened, still }) => [opened.length, still.length])).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  test('of what only the settled verdict shows as a note, and to act on once a newer day shows it, too', async () => {
    const server = await receiver();
    const { judge } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [], { provisional: true });
    for (let again = 0; again < 3; again++) await judge('2026-11-01', [ZEROS]);
    expect(messages(server)).toHaveLength(1);
    await judge('2026-11-02', [ZEROS], { provisional: true });
    const [note, page, ...more] = messages(server);
    expect(more).toEqual([]);
    expect([note!.noted.length, note!.opened.length]).toEqual([1, 0]);
    expect([page!.noted.length, page!.opened.length]).toEqual([0, 1]);
    expect(note!.text).toContain('Only the settled verdict shows it');
  });

  test('by an hour, what is at once, once: not by the next hour, nor by the day, whose good ones close it', async () => {
    const server = await receiver();
    const { judge } = alertedProject({ reportsUrl: 'https://reports/x/', alerts: [webhook(server.at)] });
    expect(await judge('2026-11-01', [LAG], { hour: 7 })).toBe('');
    expect(await judge('2026-11-01', [ZEROS], { hour: 8 })).toBe('Alerts, webhook: 1 alert opened');
    expect(await judge('2026-11-01', [ZEROS, LAG], { hour: 9 })).toBe('');
    expect(await judge('2026-11-01', [], { hour: 10 })).toBe('');
    expect(await judge('2026-11-01', [ZEROS], { provisional: true })).toBe('');
    expect(await judge('2026-11-01', [ZEROS])).toBe('');
    for (const day of ['02', '03']) expect(await judge(`2026-11-${day}`, [])).toBe('');
    expect(await judge('2026-11-04', [])).toBe('Alerts, webhook: 1 alert closed');
    const [opened, ...more] = messages(server);
    expect(more).toHaveLength(1);
    expect(opened!.opened).toMatchObject([{ ...ZEROS_NAME, since: '2026-11-01' }]);
    expect(opened!.opened[0]!.services[0]!.report).toBe('https://reports/x/basket/2026-11-01T08.html');
    expect(opened!.verdicts).toMatchObject([{ date: '2026-11-01', hour: 8, isProvisional: true }]);
  });

  test('by an hour that is judged again and is none: that the alert is closed; one that is damaged counts for nothing', async () => {
    const server = await receiver();
    const { judge, project, warnings } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [ZEROS], { hour: 8 });
    expect(await judge('2026-11-01', [], { hour: 8 })).toBe('Alerts, webhook: 1 alert closed');
    writeFileSync(snapshotFile(project.settings.reports, 'basket', '2026-11-01T08'), '{"version": 2, ');
    expect(await judge('2026-11-01', [])).toBe('');
    expect(warnings.join('\n')).toMatch(/the verdict of 2026-11-01T08 counts in no alert/);
  });

  test('nothing closes by days that judged no value of the view, or too few', async () => {
    const server = await receiver();
    const { project } = alertedProject({ alerts: [webhook(server.at)] });
    const judge = (day: number, judgedOf: readonly [number, number], faults: FaultSample[] = []) => {
      const date = `2026-11-${String(day).padStart(2, '0')}`;
      const snapshot = judgedDay({ service: 'basket', date, faults, judgedOf: ['stores', ...judgedOf] });
      writeSnapshot(project.settings.reports, snapshot);
      return afterRun(project, [snapshot]);
    };
    await judge(1, [100, 0], [LAG]);
    expect(await judge(2, [100, 0], [LAG])).toBe('Alerts, webhook: 1 alert opened');
    for (const [i, judged] of (
      [
        [0, 0],
        [0, 500],
        [29, 0],
        [1_000, 11],
      ] as const
    ).entries())
      expect(await judge(3 + i, judged), judged.join(' ')).toBe('');
    for (const [i, judged] of (
      [
        [1_000, 10],
        [30, 0],
      ] as const
    ).entries())
      expect(await judge(7 + i, judged)).toBe('');
    expect(await judge(9, [30, 0])).toBe('Alerts, webhook: 1 alert closed');
  });

  test('two messages of an alert that opens twice on one day, each under its own key', async () => {
    const server = await receiver();
    const { judge } = alertedProject({ alerts: [webhook(server.at)] });
    for (const faults of [[ZEROS], [], [ZEROS]]) await judge('2026-11-01', faults);
    expect(messages(server).map(({ opened, closed }) => opened.length - closed.length)).toEqual([1, -1, 1]);
    expect(new Set(messages(server).map(({ key }) => key)).size).toBe(3);
  });

  test('once of what two runs find at once', async () => {
    const server = await receiver();
    const { judge, project } = alertedProject({ alerts: [webhook(server.at)] });
    const other = alertedProject({ alerts: [webhook(server.at)] });
    const same = { ...other.project, settings: project.settings };
    await judge('2026-11-01', []);
    const snapshot = judgedDay({ service: 'basket', date: '2026-11-02', faults: [ZEROS] });
    writeSnapshot(project.settings.reports, snapshot);
    const said = await Promise.all([project, same].map((one) => afterRun(one, [snapshot])));
    expect(said.toSorted()).toEqual(['', 'Alerts, webhook: 1 alert opened']);
    expect(messages(server)).toHaveLength(1);
  });

  test('one message of a fault that hits two services, when a run judges both', async () => {
    const server = await receiver();
    const { project } = alertedProject({ alerts: [webhook(server.at)] });
    const days = ['basket', 'churn'].map((service) =>
      judgedDay({ service, date: '2026-11-01', faults: [ZEROS] }),
    );
    for (const day of days) writeSnapshot(project.settings.reports, day);
    await afterRun(project, days);
    const [message, ...more] = messages(server);
    expect(more).toEqual([]);
    expect(message!.opened.map(({ services }) => services.map(({ service }) => service))).toEqual([
      ['basket', 'churn'],
    ]);
  });

  test('a token of a file goes with it, and neither it nor the path of the URL is ever printed', async () => {
    let status = 200;
    const server = await receiver(() => status);
    const { project, folder, judge, warnings } = alertedProject({
      alerts: [webhook(`${server.at}/services/SECRET`, { tokenFile: 'token' })],
    });
    writeFileSync(join(folder, 'token'), 'TOKEN\n');
    await judge('2026-11-01', [ZEROS]);
    expect(server.taken[0]!.headers).toMatchObject({ authorization: 'Bearer TOKEN' });
    status = 403;
    const said = await judge('2026-11-02', [{ ...ZEROS, view: 'other' }]);
    rmSync(join(folder, 'token'));
    const without = await judge('2026-11-02', [{ ...ZEROS, view: 'other' }]);
    expect(without).toMatch(/not told: .*token/);
    expect(said).toMatch(/webhook: not told: http:\/\/127\.0\.0\.1:\d+: it answered 403: not now/);
    expect(JSON.stringify([said, without, warnings])).not.toMatch(/SECRET|TOKEN/);
    expect(project.settings.monitor.alerts[0]!.address.secret).toContain('SECRET');
  });
});

describe('a receiver that fails', () => {
  /** @returns what is said of a receiver at a URL, while another one is told */
  const failing = async (url: string, settings: object = {}): Promise<string> => {
    const good = await receiver();
    const alerts = [{ kind: 'webhook', name: 'bad', url }, webhook(good.at)];
    const { judge, warnings } = alertedProject({ alerts, ...settings });
    const said = await judge('2026-11-01', [ZEROS]);
    expect(good.taken).toHaveLength(1);
    expect(said).toContain('Alerts, webhook: 1 alert opened');
    expect(warnings.join('\n')).toContain('the receiver bad of alerts was not told');
    return /Alerts, bad: not told: (.*)/.exec(said)![1]!;
  };
  /** The same of one that is asked until its time is over, alone: on a slow machine it is over for others, too. */
  const failingInTime = async (url: string): Promise<string> => {
    const { judge } = alertedProject({ sendMs: 200, alerts: [{ kind: 'webhook', url }] });
    return judge('2026-11-01', [ZEROS]);
  };

  test('refuses the connection', async () => {
    const gone = await listenOnce(() => {});
    await gone.close();
    expect(await failingInTime(`http://${gone.at}/`)).toMatch(/not told: .*(ECONNREFUSED|did not answer)/);
  });

  test('takes the request and never answers', async () => {
    const server = await listenOnce(() => {});
    expect(await failingInTime(`http://${server.at}/`)).toMatch(/did not answer within 200 ms/);
  });

  test('answers without an end', async () => {
    const server = await listenOnce((_, response) => {
      response.writeHead(200).write('x');
      const more = setInterval(() => response.write('x'.repeat(1_000)), 5);
      response.on('close', () => clearInterval(more));
    });
    expect(await failingInTime(`http://${server.at}/`)).toMatch(/did not answer|longer than/);
  });

  test('redirects: nothing goes to the other server', async () => {
    const other = await receiver();
    const server = await listenOnce((_, response) => {
      response.writeHead(307, { location: `http://${other.at}/elsewhere` }).end();
    });
    const why = await failing(`http://${server.at}/`);
    expect(why).toContain(`it answered 307, a redirect to http://${other.at}: no redirect is followed`);
    expect(other.taken).toEqual([]);
  });

  test('refuses the message: it is sent once', async () => {
    let asked = 0;
    const server = await receiver(() => {
      asked += 1;
      return 404;
    });
    expect(await failing(`http://${server.at}/`)).toContain('it answered 404: not now');
    expect(asked).toBe(1);
  });

  test('has a certificate that nobody knows; with monitor.ca it is told', async () => {
    const { ca, serverCert, serverKey } = await makeCertificates('localhost');
    let taken = 0;
    const server = createTlsServer(
      { cert: readFileSync(serverCert), key: readFileSync(serverKey) },
      (_, response) => {
        taken += 1;
        response.end();
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    expect(await failing(url)).toMatch(/its certificate is refused/);
    expect(taken).toBe(0);
    expect(await failing(url, { ca: 'nowhere.pem' })).toMatch(/file of authorities cannot be read/);
    const { judge } = alertedProject({ ca, alerts: [{ kind: 'webhook', url }] });
    expect(await judge('2026-11-01', [ZEROS])).toBe('Alerts, webhook: 1 alert opened');
    expect(taken).toBe(1);
  });

  test('is busy for a while: it is asked again, and told once', async () => {
    let busy = 2;
    const server = await receiver(() => (busy-- > 0 ? 503 : 200));
    const { judge, warnings } = alertedProject({ alerts: [webhook(server.at)] });
    expect(await judge('2026-11-01', [ZEROS])).toBe('Alerts, webhook: 1 alert opened');
    expect(server.taken).toHaveLength(1);
    expect(warnings).toEqual([]);
  });

  test('is told by the next run what it missed, once', async () => {
    let status = 403;
    const server = await receiver(() => status);
    const { judge } = alertedProject({ alerts: [webhook(server.at)] });
    expect(await judge('2026-11-01', [ZEROS])).toMatch(/not told/);
    status = 200;
    expect(await judge('2026-11-02', [])).toBe('Alerts, webhook: 1 alert opened');
    expect(await judge('2026-11-03', [])).toBe('');
    expect(messages(server)).toHaveLength(1);
  });

  test.each([502, 504])(
    'may have taken what a gateway answers with %s: it is told the end, too',
    async (bad) => {
      let status = bad;
      const server = await receiver(() => status);
      const { judge } = alertedProject({ sendMs: 100, alerts: [webhook(server.at)] });
      expect(await judge('2026-11-01', [ZEROS])).toMatch(/not told/);
      status = 200;
      expect(await judge('2026-11-01', [])).toBe('Alerts, webhook: 1 alert closed');
    },
  );

  test('is not told the end of an alert that was never sent, since a secret was not there', async () => {
    const server = await receiver();
    const { judge, folder } = alertedProject({ alerts: [webhook(server.at, { tokenFile: 'token' })] });
    expect(await judge('2026-11-01', [ZEROS])).toMatch(/not told: .*token/);
    writeFileSync(join(folder, 'token'), 'TOKEN');
    expect(await judge('2026-11-01', [])).toBe('');
    expect(server.taken).toEqual([]);
  });

  test('is not told the end of an alert that it has refused to hear of', async () => {
    let status = 403;
    const server = await receiver(() => status);
    const { judge } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [ZEROS]);
    status = 200;
    expect(await judge('2026-11-01', [])).toBe('');
    expect(server.taken).toEqual([]);
  });

  test('is told the end of an alert that it took from a run that died then', async () => {
    let begun = '';
    const file = (): string => join(project.settings.reports, 'basket', 'told.json');
    const server = await receiver(() => {
      begun = readFileSync(file(), 'utf8');
      return 200;
    });
    const { judge, project } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [ZEROS]);
    writeFileSync(file(), begun);
    expect(await judge('2026-11-01', [])).toBe('Alerts, webhook: 1 alert closed');
    // The same of an end: the run died, and the alert is open again.
    await judge('2026-11-01', [ZEROS]);
    await judge('2026-11-01', []);
    writeFileSync(file(), begun);
    expect(await judge('2026-11-01', [ZEROS])).toBe('Alerts, webhook: 1 alert opened');
  });

  test('a message that was taken and not recorded comes again under its key', async () => {
    const server = await receiver();
    const { judge, project, warnings } = alertedProject({ alerts: [webhook(server.at)] });
    await judge('2026-11-01', [ZEROS]);
    // As after a crash between the two, and then as after a disk that damaged the file.
    const file = join(project.settings.reports, 'basket', 'told.json');
    rmSync(file);
    await judge('2026-11-01', [ZEROS]);
    writeFileSync(file, '{"version":1,"rec');
    await judge('2026-11-01', [ZEROS]);
    await judge('2026-11-01', [ZEROS]);
    const keys = messages(server).map(({ key }) => key);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(warnings.join('\n')).toMatch(/told\.json cannot be read .*told of open alerts again/);
  });
});

describe('Alertmanager', () => {
  interface AlertOf {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly startsAt: string;
    readonly endsAt: string;
  }

  test('has each open alert, repeats nothing, and sends what is resolved', async () => {
    const webhookOf = await receiver();
    const alertmanager = await startAlertmanager(`http://${webhookOf.at}/`);
    const { judge } = alertedProject({
      reportsUrl: 'https://reports.example.com',
      alerts: [{ kind: 'alertmanager', url: `${alertmanager}/` }],
    });
    const active = async (): Promise<AlertOf[]> =>
      (await (await fetch(`${alertmanager}/api/v2/alerts`)).json()) as AlertOf[];
    const notified = (): string[] =>
      webhookOf.taken.flatMap(({ body }) =>
        (JSON.parse(body) as { alerts: { status: string; labels: { view: string } }[] }).alerts.map(
          ({ status, labels }) => `${labels.view} ${status}`,
        ),
      );

    const hostile = 'line\nbreak "quoted" {{ .Labels }} <b>';
    expect(await judge('2026-11-01', [ZEROS, { ...ZEROS, view: hostile }])).toMatch(/2 alerts opened/);
    const alerts = await active();
    expect(alerts).toHaveLength(2);
    const zeros = alerts.find(({ labels }) => labels['view'] === 'customers')!;
    expect(zeros.labels).toEqual({
      alertname: 'PlumblineSkew',
      project: 'retail',
      service: 'basket',
      view: 'customers',
      cause: 'null or default substituted',
      severity: 'page',
    });
    expect(zeros.annotations).toMatchObject({
      owners: 'ml-platform',
      models: 'basket-value',
      command: 'plumb show customers',
    });
    expect(zeros.annotations['report']).toBe('https://reports.example.com/basket/2026-11-01.html');
    expect(Date.parse(zeros.startsAt)).toBe(Date.parse('2026-11-01'));
    expect(Date.parse(zeros.endsAt)).toBeGreaterThan(Date.now());
    await until(() => notified().includes('customers firing'), 'it has told of the alert');

    // An hour and a day later it is still open: nothing is new, and it stays the same alert.
    for (const more of [{ hour: 3 }, {}]) {
      expect(await judge('2026-11-02', [ZEROS], more)).toBe('');
      expect(await active()).toHaveLength(2);
    }
    for (const day of ['03', '04', '05']) await judge(`2026-11-${day}`, []);
    await until(() => notified().includes('customers resolved'), 'it has told that the alert is resolved');
    expect(await active()).toEqual([]);
    expect(notified().filter((said) => said === 'customers firing')).toHaveLength(1);
  });

  test('has one alert of what was a page and is a note now, and none once it closes', async () => {
    const alertmanager = await startAlertmanager('http://127.0.0.1:9/');
    const { judge } = alertedProject({ alerts: [{ kind: 'alertmanager', url: `${alertmanager}/` }] });
    const severities = async (): Promise<string[]> => {
      const alerts = (await (await fetch(`${alertmanager}/api/v2/alerts`)).json()) as AlertOf[];
      return alerts.map(({ labels }) => labels['severity']!);
    };
    await judge('2026-11-01', [ZEROS], { provisional: true });
    expect(await severities()).toEqual(['page']);
    await judge('2026-11-02', [], { provisional: true });
    await judge('2026-11-02', [ZEROS]);
    expect(await severities()).toEqual(['page']);
    // Settled, the first day shows nothing: only the settled verdict on the second does.
    await judge('2026-11-01', []);
    expect(await severities()).toEqual(['warn']);
    await judge('2026-11-03', []);
    expect(await severities()).toEqual(['warn']);
    for (const day of ['04', '05']) await judge(`2026-11-${day}`, []);
    expect(await severities()).toEqual([]);
  });
});

describe('the dead-man signal', () => {
  test('a textfile and a push have every service, and the heartbeat is called after the run', async () => {
    const pushed = await receiver();
    let beats = 0;
    const heart = await listenOnce((_, response) => {
      beats += 1;
      response.end('ok');
    });
    const { judge, folder, warnings } = alertedProject({
      metrics: 'metrics/monitor.prom',
      pushUrl: `http://${pushed.at}/`,
      heartbeatUrl: `http://${heart.at}/ping/SECRET`,
    });
    await judge('2026-11-01', [ZEROS], { service: 'churn' });
    await judge('2026-11-01', []);
    expect(beats).toBe(2);
    const ofDays = readFileSync(join(folder, 'metrics/monitor.prom'), 'utf8');
    // A day that nobody judges must be noticed, however many hours are.
    await judge('2026-11-02', [ZEROS], { hour: 5 });
    expect([beats, readFileSync(join(folder, 'metrics/monitor.prom'), 'utf8')]).toEqual([2, ofDays]);
    expect(warnings).toEqual([]);
    const text = readFileSync(join(folder, 'metrics/monitor.prom'), 'utf8');
    expect(pushed.taken.at(-1)!.body).toBe(text);
    const runs = parsePrometheus(text).get('plumbline_monitor_last_run_timestamp_seconds')!.samples;
    expect([...runs.keys()].map((key) => /service="(\w+)"/.exec(key)![1])).toEqual(['basket', 'churn']);
    expect(
      parsePrometheus(text)
        .get('plumbline_monitor_open_alerts')!
        .samples.get('plumbline_monitor_open_alerts{service="churn",level="page"}'),
    ).toBe(1);
  });

  test('of a service that the definitions no longer have, the ends of its alerts are told once, and no metric', async () => {
    const server = await receiver();
    const { judge, project, folder, warnings } = alertedProject({
      metrics: 'monitor.prom',
      alerts: [webhook(server.at)],
    });
    const define = (...names: string[]): void => {
      const services = new Map(names.map((name) => [name, { ...SERVICE, name, views: [], features: [] }]));
      publishBundle(project.settings.bundles, { ...bundleOf(orders()), services });
    };
    define('basket', 'churn', 'hourly');
    await judge('2026-11-01', [ZEROS], { service: 'churn' });
    await judge('2026-11-01', [ZEROS], { service: 'hourly', hour: 5 });
    await judge('2026-11-01', []);
    const metrics = (): string => readFileSync(join(folder, 'monitor.prom'), 'utf8');
    expect(metrics()).toContain('plumbline_monitor_open_alerts{service="churn",level="page"} 1');
    define('basket');
    expect(await judge('2026-11-02', [])).toBe('Alerts, webhook: 1 alert closed');
    expect(await judge('2026-11-03', [])).toBe('');
    expect(messages(server).at(-1)).toMatchObject({
      closed: [{ ...ZEROS_NAME, services: ['churn', 'hourly'] }],
      verdicts: [{ service: 'basket' }],
    });
    expect(metrics()).toContain('service="basket"');
    expect(metrics()).not.toContain('churn');
    expect(warnings).toEqual([]);
  });

  test('what cannot be reached or written is warned of, without its secret', async () => {
    const gone = await listenOnce(() => {});
    await gone.close();
    const { judge, warnings } = alertedProject({
      sendMs: 20,
      metrics: 'plumbline.yaml/monitor.prom',
      pushUrl: `http://user:SECRET@${gone.at}`,
      heartbeatUrl: `http://${gone.at}/ping/SECRET`,
    });
    expect(await judge('2026-11-01', [])).toBe('');
    expect(warnings).toHaveLength(3);
    expect(warnings.join('\n')).toMatch(/monitor\.prom cannot be written/);
    expect(warnings.join('\n')).toMatch(/the Pushgateway was not reached[^]*the heartbeat was not reached/);
    expect(warnings.join('\n')).not.toContain('SECRET');
  });
});
