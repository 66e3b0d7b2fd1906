import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { drawDay, drawIndex } from '../../../../monitor/report/report-folder.ts';
import { snapshotFile, writeSnapshot } from '../../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../../monitor/verdict/snapshot.ts';
import { goodDay } from '../../../support/fixtures/sample-snapshot.ts';

let reports: string;
const said: string[] = [];
const logger = {
  info: (line: string) => said.push(line),
  warn: (line: string) => said.push(line),
  progress() {},
};

beforeEach(() => {
  reports = mkdtempSync(join(tmpdir(), 'plumb-reports-'));
  said.length = 0;
});

afterEach(() => rmSync(reports, { recursive: true, force: true }));

function judge(date: string, change: Partial<Snapshot> = {}): void {
  const snapshot = { ...goodDay(), date, ...change };
  writeSnapshot(reports, snapshot);
  drawDay(reports, snapshot, logger);
  drawIndex(reports, 'retail');
}

/** The links of a page that lead to another. */
function linksOf(...path: string[]): string[] {
  const links = readFileSync(join(reports, ...path), 'utf8').matchAll(/ href="([^"#][^"]*)"/g);
  return [...links].map(([, href]) => href!).filter((href) => !href.startsWith('data:'));
}

function index(): string {
  return readFileSync(join(reports, 'index.html'), 'utf8')
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');
}

describe('pages of days', () => {
  test('link to the day before and after, in whatever order the days are judged', () => {
    judge('2026-11-18');
    judge('2026-11-21');
    judge('2026-11-19');
    expect(linksOf('churn_v1', '2026-11-18.html')).toEqual(['../index.html', '2026-11-19.html']);
    expect(linksOf('churn_v1', '2026-11-19.html')).toEqual([
      '2026-11-18.html',
      '../index.html',
      '2026-11-21.html',
    ]);
    expect(linksOf('churn_v1', '2026-11-21.html')).toEqual(['2026-11-19.html', '../index.html']);
  });

  test('do not link to a day that has no page; one whose snapshot is damaged is left as it is, with a warning', () => {
    judge('2026-11-18');
    judge('2026-11-19');
    writeFileSync(snapshotFile(reports, 'churn_v1', '2026-11-18'), '{"version": 2, ');
    rmSync(join(reports, 'churn_v1', '2026-11-19.html'));
    judge('2026-11-20');
    expect(linksOf('churn_v1', '2026-11-20.html')).toEqual(['2026-11-18.html', '../index.html']);
    expect(said.join()).toContain('the page of 2026-11-18 is not drawn again');
  });
});

describe('the index', () => {
  test('has every service and day, newest first, each with its verdict as a word and its sentence', () => {
    judge('2026-11-19');
    judge('2026-11-20', {
      verdict: 'alarm',
      sentence: 'Alarm: v__f is 0 where it should be null.',
      provisional: true,
    });
    judge('2026-11-20', { service: 'basket' });
    const text = index();
    expect(text.indexOf('basket')).toBeLessThan(text.indexOf('churn_v1'));
    const own = text.slice(text.indexOf('churn_v1'));
    expect(own).toContain('Fri 20 Nov 2026 Alarm provisional v__f is 0 where it should be null.');
    expect(own.indexOf('Fri 20 Nov')).toBeLessThan(own.indexOf('Thu 19 Nov'));
    expect(new Set(linksOf('index.html'))).toEqual(
      new Set(['basket/2026-11-20.html', 'churn_v1/2026-11-19.html', 'churn_v1/2026-11-20.html']),
    );
  });

  test('names a snapshot that is damaged or of another version, and every other day stays', () => {
    judge('2026-11-18');
    judge('2026-11-19');
    judge('2026-11-20');
    writeFileSync(snapshotFile(reports, 'churn_v1', '2026-11-19'), '{"version": 2, "verdict"');
    writeFileSync(snapshotFile(reports, 'churn_v1', '2026-11-18'), '{"version": 1}');
    drawIndex(reports, 'retail');
    const text = index();
    expect(text).toMatch(/Thu 19 Nov 2026 \? Cannot be read .*2026-11-19\.json cannot be read/);
    expect(text).toMatch(/Wed 18 Nov 2026 \? Cannot be read .*version 2, and is of version 1/);
    expect(text).toContain('Fri 20 Nov 2026 Pass');
  });

  test('is drawn from what it kept of unchanged snapshots, and anew when that is damaged, missing or old', () => {
    judge('2026-11-20');
    const kept = join(reports, 'index.json');
    const before = readFileSync(kept, 'utf8');
    writeFileSync(kept, before.replace('no value is beyond', 'KEPT no value is beyond'));
    drawIndex(reports, 'retail');
    expect(index()).toContain('KEPT');
    // The snapshot was written again: what was kept is not of it.
    utimesSync(snapshotFile(reports, 'churn_v1', '2026-11-20'), 1, 1);
    drawIndex(reports, 'retail');
    expect(index()).not.toContain('KEPT');
    for (const damage of ['', '{}', '[null, 7, {"service": 3}]', before.slice(0, 40)]) {
      writeFileSync(kept, damage);
      drawIndex(reports, 'retail');
      expect(index()).toContain('No value is beyond the promise.');
    }
    rmSync(kept);
    drawIndex(reports, 'retail');
    expect(index()).toContain('No value is beyond the promise.');
  });

  test('takes no notice of what else lies in the folder, and leaves nothing aside', () => {
    judge('2026-11-20');
    writeFileSync(join(reports, 'index.html.4711.tmp'), 'half a page');
    writeFileSync(join(reports, 'notes.txt'), '');
    writeFileSync(join(reports, 'churn_v1', '2026-11-20T10.json'), '{');
    drawIndex(reports, 'retail');
    expect(index()).not.toContain('notes');
    expect(readdirSync(reports).filter((name) => name.endsWith('.tmp'))).toEqual(['index.html.4711.tmp']);
  });

  test('names of services cannot become markup or lead elsewhere', () => {
    judge('2026-11-20', { service: 'a"><img src=x>b' });
    const page = readFileSync(join(reports, 'index.html'), 'utf8');
    expect(page).not.toContain('<img');
    expect(linksOf('index.html')[0]).toBe('a%22%3E%3Cimg%20src%3Dx%3Eb/2026-11-20.html');
  });
});
