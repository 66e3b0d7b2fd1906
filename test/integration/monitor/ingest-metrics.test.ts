/** `monitor.ingestMetrics`: how far the ingest has come, whether it found anything new or not. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runIngest } from '../../../monitor/ingest/main.ts';
import { at } from '../../support/day-time.ts';
import { MonitoredDay } from '../../support/fixtures/monitored-day.ts';

const NEWEST = 'plumbline_ingest_newest_record_timestamp_seconds{share="all"}';
const COMMIT = 'plumbline_ingest_last_commit_timestamp_seconds{share="all"}';

test('each commit writes the file anew, and a file that cannot be written ends no ingest', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  const { settings } = day.project;
  const file = join(settings.folder, 'metrics', 'ingest.prom');
  const lines: string[] = [];
  const project = {
    ...day.project,
    logger: { ...day.project.logger, warn: (line: string) => void lines.push(line) },
    settings: { ...settings, monitor: { ...settings.monitor, ingestMetrics: file } },
  };
  const values = (): Map<string, number> =>
    new Map(
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );

  day.serve('10:00', 'c-1', {});
  await runIngest(project);
  const first = values();
  expect(first.get(NEWEST)).toBeGreaterThanOrEqual(at('10:00') / 1e6);
  expect(first.get('plumbline_ingest_records_total{share="all"}')).toBeGreaterThanOrEqual(1);

  // Nothing new: it has looked all the same.
  await day.closeLog();
  await runIngest(project);
  const last = values();
  await runIngest(project);
  expect(values().get(NEWEST)).toBe(last.get(NEWEST));
  expect(values().get(COMMIT)).toBeGreaterThanOrEqual(last.get(COMMIT)!);

  rmSync(dirname(file), { recursive: true });
  writeFileSync(dirname(file), 'no folder');
  await runIngest(project);
  expect(lines.filter((line) => line.startsWith('monitor.ingestMetrics: '))).not.toEqual([]);
});
