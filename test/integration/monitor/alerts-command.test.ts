/** `plumb monitor run` as a job runs it: it tells a receiver; one that refuses changes neither output nor exit code. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DAY } from '../../support/day-time.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import { listenOnce } from '../../support/http/test-server.ts';
import { plumb } from '../../support/processes/plumb-process.ts';

test('a verdict of alarm is told, and its exit code stays what it is when nobody can be told', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const row = { event: '00:10:00', created: '00:15:00', values: [0.9, null, null] };
  for (let i = 0; i < 100; i++) {
    day.serve('06:30:00', `c-${i}`, { status: 'MISSING', watermark: '06:00:00' }, 1, {
      row,
      watermark: '00:30:00',
    });
  }
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  await day.closeLog();
  const { folder } = day.project.settings;
  const bodies: string[] = [];
  const server = await listenOnce((request, response) => {
    request.setEncoding('utf8').on('data', (part: string) => bodies.push(part));
    request.on('end', () => response.end());
  });
  const gone = await listenOnce((_, response) => response.writeHead(404).end('no such hook'));
  const alerts = [
    { kind: 'slack', url: `http://${server.at}/T/B/SECRET` },
    { kind: 'webhook', url: `http://${gone.at}/SECRET` },
  ];
  const monitor = { alerts, metrics: 'monitor.prom' };
  writeFileSync(join(folder, 'plumbline.yaml'), JSON.stringify({ project: 'test', monitor }));

  const { code, stdout, stderr } = await plumb(['-C', folder, 'monitor', 'run', '--date', DAY]);
  expect(code).toBe(1);
  const posted = JSON.parse(bodies.join('')) as { text: string; blocks: { text: { text: string } }[] };
  expect(posted.text).toMatch(/^Plumbline test: \d alerts? opened$/);
  expect(posted.blocks.map(({ text }) => text.text).join('\n')).toContain('*driver_stats: ');
  expect(stdout).toMatch(/\nAlerts, slack: \d alerts? opened\nAlerts, webhook: not told: http:\/\/[\d.:]+: /);
  expect(stderr).toContain('warning: the receiver webhook of alerts was not told');
  expect(stdout + stderr).not.toContain('SECRET');

  const again = await plumb(['-C', folder, '--json', 'monitor', 'run', '--date', DAY]);
  expect(again.code).toBe(1);
  expect((JSON.parse(again.stdout) as { date: string }[])[0]!.date).toBe(DAY);
  expect(JSON.parse(bodies.join(''))).toEqual(posted);
});

test('where one service cannot be judged, those after it are judged and told, and no heartbeat says that all is well', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const only = (name: string, role: string) => ({
    ...SERVICE,
    name,
    features: SERVICE.features.filter((one) => one.role === role),
    views: SERVICE.views.filter((one) => one.role === role),
    requestKeys: SERVICE.requestKeys.filter((key) => (key.type === 'string') === (role === 'orders')),
  });
  const broken = only('broken', 'driver_stats');
  const spending = only('spending', 'orders');
  day.publish(day.orders, [broken, spending]);
  const customers = Array.from({ length: 100 }, (_, i) => `c-${i}`);
  const row = { event: '05:00:00', created: '05:10:00', values: [1n, 2] as [bigint, number] };
  await day.appendOrders(customers.map((customer) => ({ customer, run: 'r', ...row })));
  for (const customer of customers) {
    const missing = servedRow(day.orders, '06:30:00', { status: 'MISSING', watermark: '06:00:00' });
    day.append('06:30:00', { customer_id: customer }, [missing], 0, { service: spending.name });
    const driver = servedRow(day.driverStats, '06:30:00', { status: 'MISSING' });
    day.append('06:30:00', { driver_id: '1' }, [driver], 0, { service: broken.name });
  }
  await day.setWatermark('23:00:00');
  await day.closeLog();
  const { folder } = day.project.settings;
  writeFileSync(join(folder, 'data', 'drivers.parquet'), 'no Parquet');
  const called: string[] = [];
  const server = await listenOnce((request, response) => {
    called.push(request.url!);
    request.resume().on('end', () => response.end());
  });
  const alerts = [{ kind: 'slack', url: `http://${server.at}/hook` }];
  const monitor = { alerts, heartbeatUrl: `http://${server.at}/heartbeat` };
  writeFileSync(join(folder, 'plumbline.yaml'), JSON.stringify({ project: 'test', monitor }));

  const { code, stdout, stderr } = await plumb(['-C', folder, 'monitor', 'run', '--date', DAY]);
  expect(stdout).toMatch(/Report: .*spending.*\n\nAlerts, slack: \d alerts? opened/s);
  expect(stderr).toContain(
    'warning: broken cannot be judged: the source data/drivers*.parquet cannot be read',
  );
  expect(stderr).toContain('REG_SOURCE');
  expect(code).toBe(4);
  expect(called).toEqual(['/hook']);
  const page = join(day.project.settings.reports, 'index.html');
  expect(readFileSync(page, 'utf8')).toContain('spending');
});
