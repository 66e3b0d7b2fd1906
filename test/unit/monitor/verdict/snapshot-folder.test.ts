import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { renderIndex } from '../../../../monitor/report/html/index-page.ts';
import { judgedDates } from '../../../../monitor/report/judged-days.ts';
import { alertDay } from '../../../../monitor/alerts/alert-days.ts';
import { earlierDay } from '../../../../monitor/verdict/earlier-day.ts';
import type { Logger } from '../../../../contract/std/logger.ts';
import {
  readSnapshot,
  readEarlier,
  snapshotFile,
  writeSnapshot,
} from '../../../../monitor/verdict/snapshot-folder.ts';
import { badDay, goodDay } from '../../../support/fixtures/sample-snapshot.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const SERVICE = 'churn_v1';

/** Text of a file that is no snapshot of this version, and what is said of it. */
const NONE: Readonly<Record<string, readonly [text: string, why: RegExp]>> = {
  '2026-11-10': ['{"version":1,"features":[]}', /should be a snapshot of version 2, and is of version 1$/],
  '2026-11-11': ['{"features":[]}', /should be a snapshot of version 2, and is none$/],
  '2026-11-12': ['null', /should be a snapshot of version 2, and is none$/],
  '2026-11-13': ['no JSON', /cannot be read: /],
  '2026-11-14': ['', /cannot be read: /],
  '2026-11-09': [
    '{"version":2,"date":"2026-11-09","service":"churn_v1","verdict":"pass","sentence":"x"}',
    /is not whole: findings: /,
  ],
};

test('a snapshot of version 1, or none, is left out of the trend with a warning, and judged again', () => {
  const reports = scratchFolder();
  const good = { ...goodDay(), date: '2026-11-15' };
  for (const [date, [text]] of Object.entries(NONE)) {
    mkdirSync(dirname(snapshotFile(reports, SERVICE, date)), { recursive: true });
    writeFileSync(snapshotFile(reports, SERVICE, date), text);
  }
  const written = writeSnapshot(reports, good);
  const said: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (text) => void said.push(text) };
  expect(readEarlier(reports, SERVICE, '2026-11-20', logger).map(({ date }) => date)).toEqual(['2026-11-15']);
  expect(said).toHaveLength(6);
  for (const [date, [, why]] of Object.entries(NONE)) {
    expect(() => readSnapshot(reports, SERVICE, date)).toThrowError(why);
    expect(() => readSnapshot(reports, SERVICE, date)).toThrowError(
      expect.objectContaining({ code: 'MON_SNAPSHOT' }),
    );
    expect(said.join('\n')).toContain(`the verdict of ${date} is left out of the trend`);
  }
  expect(readSnapshot(reports, SERVICE, '2026-11-15')).toEqual(JSON.parse(JSON.stringify(written)));
  expect(readSnapshot(reports, SERVICE, '2026-11-16')).toBeNull();
});

/** All places in a value, of lists the first element alone. */
function placesIn(value: unknown, place: readonly string[] = []): string[][] {
  if (value === null || typeof value !== 'object') return [];
  const keys = Array.isArray(value) ? ['0'].slice(0, value.length) : Object.keys(value);
  return keys.flatMap((key) => [
    [...place, key],
    ...placesIn((value as Record<string, unknown>)[key], [...place, key]),
  ]);
}

test('whatever of a snapshot is missing or of another type: it is named, or trends, alerts and index do without', () => {
  const reports = scratchFolder();
  const { date } = writeSnapshot(reports, badDay());
  const file = snapshotFile(reports, SERVICE, date);
  const text = readFileSync(file, 'utf8');
  const failed: string[] = [];
  let named = 0;
  for (const place of placesIn(JSON.parse(text))) {
    for (const wrong of [undefined, {}]) {
      const snapshot = JSON.parse(text) as Record<string, unknown>;
      const holder = place.slice(0, -1).reduce((one, key) => one[key] as typeof snapshot, snapshot);
      holder[place.at(-1)!] = wrong;
      writeFileSync(file, JSON.stringify(snapshot));
      try {
        renderIndex('shop', judgedDates(reports));
        const read = readSnapshot(reports, SERVICE, date)!;
        earlierDay(read, date);
        alertDay(read);
      } catch (error) {
        if ((error as { code?: string }).code === 'MON_SNAPSHOT') named++;
        else failed.push(`${place.join('.')} = ${JSON.stringify(wrong)}: ${(error as Error).message}`);
      }
    }
  }
  expect(failed).toEqual([]);
  expect(named).toBeGreaterThan(100);
});

test('hours go that are older than 31 days and than all days of alerts; days, and what else lies there, stay', () => {
  const reports = scratchFolder();
  const folder = dirname(snapshotFile(reports, SERVICE, 'x'));
  mkdirSync(folder, { recursive: true });
  const days = Array.from({ length: 29 }, (_, i) => `2026-11-${String(i + 1).padStart(2, '0')}.json`);
  const other = ['2020-01-01.html', 'told.json', '2020-01-01T00.txt'];
  // The window of alerts begins on 1 November, so its hours stay for longer than 31 days.
  const kept = [...days, ...other, '2026-11-01T00.json', '2026-11-20T00.html'];
  const removed = ['2026-10-31T23.html', '2026-10-31T23.parquet', '2020-02-29T07.html'];
  for (const name of [...kept, ...removed]) writeFileSync(`${folder}/${name}`, '{}');
  writeSnapshot(reports, { ...goodDay(), date: '2026-12-21' });
  expect(readdirSync(folder).toSorted()).toEqual([...kept, '2026-12-21.json'].toSorted());
  writeSnapshot(reports, { ...goodDay(), date: '2026-12-22', hour: 3 });
  // One judged day more: the first day of the window is the 2nd.
  const later = [
    ...kept.filter((name) => name !== '2026-11-01T00.json'),
    '2026-12-21.json',
    '2026-12-22T03.json',
  ];
  expect(readdirSync(folder).toSorted()).toEqual(later.toSorted());
});
