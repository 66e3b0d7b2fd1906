import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderTrends } from '../../../../monitor/report/terminal/trend-table.ts';
import { readTrends } from '../../../../monitor/report/trend.ts';
import { snapshotFile, writeSnapshot } from '../../../../monitor/verdict/snapshot-folder.ts';
import { featureSample, goodDay } from '../../../support/fixtures/sample-snapshot.ts';

let reports: string;
let said: string[];
const logger = { info() {}, warn: (line: string) => void said.push(line), progress() {} };

beforeEach(() => {
  reports = mkdtempSync(join(tmpdir(), 'plumb-trend-'));
  said = [];
});

afterEach(() => rmSync(reports, { recursive: true, force: true }));

/** Judges a day on which so many of 1,000 values of `v__f` are beyond the promise. */
function judge(date: string, beyond: number, service = 'churn'): void {
  const features = [
    featureSample({ name: 'v__f', rows: 1_000, causes: { 'late arrival': beyond } }),
    featureSample({ name: 'v__clean', rows: 1_000 }),
  ];
  writeSnapshot(reports, { ...goodDay(), service, date, features, verdict: beyond > 10 ? 'alert' : 'pass' });
}

const week = { days: 7 };

describe('plumb monitor trend', () => {
  test('has a place for every day up to the newest, also those without a verdict', () => {
    judge('2026-11-16', 0);
    judge('2026-11-18', 40);
    judge('2026-11-20', 5);
    const [trend] = readTrends(reports, week, logger);
    expect(trend!.dates).toEqual(['14', '15', '16', '17', '18', '19', '20'].map((day) => `2026-11-${day}`));
    expect(trend!.verdicts).toEqual([null, null, 'pass', null, 'alert', null, 'pass']);
    const rates = trend!.features[0]!.days.map((day) => day?.exactMatchWithinPromise ?? null);
    expect(rates).toEqual([null, null, 1, null, 0.96, null, 0.995]);
    const text = renderTrends([trend!]);
    expect(text).toContain('··✓·!·✓');
    expect(text).toMatch(/v__f +··█·▂·▇ +99\.50 % +5 +96\.00 % +11-18/);
    expect(text).toContain('1 more feature without a mismatch on any day');
    expect(text).not.toContain('v__clean');
  });

  test('a full match alone has the full bar, and a rate below the usual floor moves it', () => {
    judge('2026-11-19', 1);
    judge('2026-11-20', 600);
    const text = renderTrends(readTrends(reports, { days: 2 }, logger));
    expect(text).toContain('█ 100 %, ▁ 40.00 %');
    expect(text).toMatch(/v__f +▇▁/);
  });

  test('can be narrowed to a service and a feature, and names what there is', () => {
    judge('2026-11-20', 0);
    judge('2026-11-20', 0, 'basket');
    expect(readTrends(reports, week, logger).map(({ service }) => service)).toEqual(['basket', 'churn']);
    const [one] = readTrends(reports, { ...week, service: 'churn', feature: 'f' }, logger);
    expect(one!.features.map(({ name }) => name)).toEqual(['v__f']);
    expect(() => readTrends(reports, { ...week, service: 'chrun' }, logger)).toThrow(/chrun.*churn/);
    expect(() => readTrends(reports, { ...week, feature: 'nothing' }, logger)).toThrow(
      /there are v__f, v__clean/,
    );
  });

  test('a day that cannot be read is one without a verdict, and told', () => {
    judge('2026-11-19', 0);
    judge('2026-11-20', 0);
    writeFileSync(snapshotFile(reports, 'churn', '2026-11-19'), '{');
    const [trend] = readTrends(reports, { days: 2 }, logger);
    expect(trend!.verdicts).toEqual([null, 'pass']);
    expect(said.join()).toContain('the verdict of 2026-11-19 is left out');
  });

  test.each([80, 120])('fits %d columns: figures go first, then names are cut in their middle', (columns) => {
    const name = `customer_features__${'long_'.repeat(9)}30d`;
    const features = [featureSample({ name, rows: 1_000, causes: { 'late arrival': 5 } })];
    writeSnapshot(reports, { ...goodDay(), service: 'churn', date: '2026-11-20', features });
    const lines = renderTrends(readTrends(reports, { days: 30 }, logger), columns).split('\n');
    expect(lines.filter((line) => [...line].length > columns)).toEqual([]);
    expect(lines.join('\n')).toMatch(
      columns === 80 ? /customer_\S*…\S*30d +·{29}\S +99\.50 %/ : new RegExp(`${name} +·{29}`),
    );
  });

  test('without any verdict it says what to run', () => {
    expect(renderTrends(readTrends(join(reports, 'none'), week, logger))).toContain('plumb monitor run');
  });
});
