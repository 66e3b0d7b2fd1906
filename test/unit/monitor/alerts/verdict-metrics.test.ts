/** The verdicts' metrics are Prometheus text, of every service, and a Pushgateway's path holds any project. */
import { expect, test } from 'vitest';
import { pushPath, verdictMetrics } from '../../../../monitor/alerts/verdict-metrics.ts';
import { parsePrometheus } from '../../../support/http/prometheus-text.ts';
import { badDay, emptyDay } from '../../../support/fixtures/sample-snapshot.ts';

test('each service has its last run, day, verdict, alerts, and each feature its rates', () => {
  const bad = badDay();
  const empty = { ...emptyDay(), service: 'a "second" one' };
  const text = verdictMetrics(
    [bad, empty].map((snapshot) => ({
      snapshot,
      lastRunUs: 1_795_262_400_500_000,
      openAlerts: { page: 2, note: 1 },
    })),
    { slack: true, ops: false },
  );
  const families = parsePrometheus(text);
  const value = (sample: string): number | undefined =>
    families.get(/^\w+/.exec(sample)![0])?.samples.get(sample);
  const of = `service="${bad.service}"`;
  expect(value(`plumbline_monitor_last_run_timestamp_seconds{${of}}`)).toBe(1_795_262_400.5);
  expect(value(`plumbline_monitor_day_timestamp_seconds{${of}}`)).toBe(Date.parse(bad.date) / 1_000);
  expect(value(`plumbline_monitor_verdict{${of},verdict="${bad.verdict}"}`)).toBe(1);
  expect(value(`plumbline_monitor_verdict{${of},verdict="pass"}`)).toBe(0);
  expect(value(`plumbline_monitor_open_alerts{${of},level="page"}`)).toBe(2);
  expect(value(`plumbline_monitor_open_alerts{service="a \\"second\\" one",level="note"}`)).toBe(1);
  expect(value('plumbline_monitor_receiver_failed{receiver="slack"}')).toBe(1);
  for (const feature of bad.features) {
    const name = `${of},feature="${feature.name}"`;
    expect(value(`plumbline_monitor_beyond_promise_values{${name}}`)).toBe(feature.beyondPromise);
    expect(value(`plumbline_monitor_exact_match_ratio{${name}}`)).toBe(feature.exactMatch ?? undefined);
  }
});

test('the path of a push takes a project of any name', () => {
  expect(pushPath('retail')).toBe('/metrics/job/plumbline_monitor/project/retail');
  expect(pushPath('a/b')).toBe('/metrics/job/plumbline_monitor/project@base64/YS9i');
});
