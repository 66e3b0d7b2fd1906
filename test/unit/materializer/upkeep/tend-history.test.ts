/** How often a history is tidied up after its runs: at most once an hour, whatever there was to do. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tendAfterRun } from '../../../../materializer/upkeep/tend-history.ts';
import { entryFile } from '../../../../project/delta/delta-log.ts';
import { historyFolder } from '../../../../project/history/history-folder.ts';
import { openProject } from '../../../../project/project.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { commitFiles } from '../../../support/fixtures/committed-history.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const { view, entity } = aggregatedView({
  joinKeys: [{ name: 'thing', type: 'int64' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: 3_600_000_000,
  features: [{ name: 'n', function: 'count' }],
});
const MINUTE_US = 60_000_000;

let folder: string;
beforeEach(() => {
  folder = scratchFolder({ 'plumbline.yaml': '{}' });
});

/** @returns what it warned of */
async function tend(minute: number): Promise<string[]> {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void warnings.push(line) };
  const project = openProject(folder, logger, {});
  const clock = { ...project.clock, nowUs: () => 1e15 + minute * MINUTE_US };
  const database = { trainedEntries: () => Promise.resolve([]) };
  const lease = { number: 1, hold: (): Promise<void> => Promise.resolve() };
  await tendAfterRun({ ...project, clock, database }, { view, entity, lease });
  return warnings;
}

test('a history is tidied up at most once an hour, also where nothing was to be joined', async () => {
  const { settings } = openProject(folder, silentLogger, {});
  await commitFiles(settings.history.path, { view, entity, watermarkUs: 0 });
  const file = join(historyFolder(settings.history, view).path, '_tended');
  expect(await tend(0)).toEqual([]);
  const atMinute = (): number => (Number(readFileSync(file, 'utf8')) * 1_000 - 1e15) / MINUTE_US;
  expect(atMinute()).toBe(0);
  for (const [minute, last] of [
    [59, 0],
    [60, 60],
    [100, 60],
    // The clock was set back.
    [10, 10],
  ]) {
    await tend(minute!);
    expect(atMinute(), `minute ${minute}`).toBe(last);
  }
  writeFileSync(file, 'nothing');
  await tend(11);
  expect(atMinute()).toBe(11);
  // What fails is warned of, and tried again after the next run.
  rmSync(file);
  writeFileSync(entryFile(historyFolder(settings.history, view), 0), 'damaged');
  expect(await tend(12)).toEqual([expect.stringMatching(/its history was not tidied up/)]);
  expect(existsSync(file)).toBe(false);
});
