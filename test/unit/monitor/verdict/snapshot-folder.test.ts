import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import type { Logger } from '../../../../contract/std/logger.ts';
import {
  readSnapshot,
  readEarlier,
  snapshotFile,
  writeSnapshot,
} from '../../../../monitor/verdict/snapshot-folder.ts';
import { goodDay } from '../../../support/fixtures/sample-snapshot.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const SERVICE = 'churn_v1';

/** Text of a file that is no snapshot of this version, and what is said of it. */
const NONE: Readonly<Record<string, readonly [text: string, why: RegExp]>> = {
  '2026-11-10': ['{"version":1,"features":[]}', /should be a snapshot of version 2, and is of version 1$/],
  '2026-11-11': ['{"features":[]}', /should be a snapshot of version 2, and is none$/],
  '2026-11-12': ['null', /should be a snapshot of version 2, and is none$/],
  '2026-11-13': ['no JSON', /cannot be read: /],
  '2026-11-14': ['', /cannot be read: /],
};

test('a snapshot of version 1, or none, is left out of the trend with a warning, and judged again', () => {
  const reports = scratchFolder();
  const good = { ...goodDay(), date: '2026-11-15' };
  for (const [date, [text]] of Object.entries(NONE)) {
    mkdirSync(dirname(snapshotFile(reports, SERVICE, date)), { recursive: true });
    writeFileSync(snapshotFile(reports, SERVICE, date), text);
  }
  writeSnapshot(reports, good);
  const said: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (text) => void said.push(text) };
  expect(readEarlier(reports, SERVICE, '2026-11-20', logger).map(({ date }) => date)).toEqual(['2026-11-15']);
  expect(said).toHaveLength(5);
  for (const [date, [, why]] of Object.entries(NONE)) {
    expect(() => readSnapshot(reports, SERVICE, date)).toThrowError(why);
    expect(() => readSnapshot(reports, SERVICE, date)).toThrowError(
      expect.objectContaining({ code: 'MON_SNAPSHOT' }),
    );
    expect(said.join('\n')).toContain(`the verdict of ${date} is left out of the trend`);
  }
  expect(readSnapshot(reports, SERVICE, '2026-11-15')).toEqual(JSON.parse(JSON.stringify(good)));
  expect(readSnapshot(reports, SERVICE, '2026-11-16')).toBeNull();
});
