import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RehearsalControl, rehearsalClock } from '../../../project/rehearsal-clock.ts';
import { scratchFolder } from '../../support/scratch.ts';

test('a rehearsed clock stands still until its conductor moves it', () => {
  const file = join(scratchFolder(), 'clock.txt');
  const control = new RehearsalControl(file, 1_700_000_000_000_000);
  const clock = rehearsalClock(file, 0);
  expect([clock.nowUs(), clock.nowUs()]).toEqual([1_700_000_000_000_000, 1_700_000_000_000_000]);
  control.set(1_700_000_000_000_001);
  expect(clock.nowUs()).toBe(1_700_000_000_000_001);
  expect(clock.notice).toContain(`recorded times come from ${file}`);
  expect(clock.sourcesRunAhead).toBe(true);
  control.close();
});

test('a rehearsed run lasts as long as was stated', async () => {
  const file = join(scratchFolder(), 'clock.txt');
  const control = new RehearsalControl(file, 1_000_000_000_000);
  const clock = rehearsalClock(file, 120_000_000);
  let over = false;
  const lasted = clock.runLasted(1_000_000_000_000).then(() => (over = true));
  control.set(1_000_119_999_999);
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  control.set(1_000_120_000_000);
  await lasted;
  expect(over).toBe(true);
  control.close();
});

test('a control file without a time is refused with what it holds', () => {
  const folder = scratchFolder({ 'clock.txt': 'noon' });
  expect(() => rehearsalClock(join(folder, 'clock.txt'), 0)).toThrow(
    'should hold one RFC 3339 time from 1970 to 2199, but holds "noon"',
  );
});
