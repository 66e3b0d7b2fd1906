import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Rejects } from '../../../../materializer/stream/rejects.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('keeps what cannot be read, and stops where too much comes within a minute', () => {
  const file = join(scratchFolder(), 'clicks/rejected.jsonl');
  let nowMs = 0;
  const rejects = new Rejects(file, 2, { nowMs: () => nowMs });
  const add = (offset: number): void => {
    rejects.add({ partition: 1, offset, reason: 'no JSON', message: Buffer.from(`m${offset}`) });
  };
  for (let minute = 0; minute < 3; minute++, nowMs += 60_000)
    for (const offset of [1, 2]) add(minute * 10 + offset);
  rejects.keep({ partition: 1, offset: 23, reason: 'too late', view: 'user_clicks' });
  add(24);
  add(25);
  expect(() => add(26)).toThrow(
    /3 messages within a minute could not be read, the last at offset 26 of partition 1: no JSON/,
  );
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(lines).toHaveLength(10);
  expect(lines[0]).toEqual({ partition: 1, offset: 1, reason: 'no JSON', message: 'm1' });
  expect(lines[6]).toEqual({ partition: 1, offset: 23, reason: 'too late', view: 'user_clicks' });
});
