/** Processes that do not start, or do not last, are not started again and again without a pause. */
import { onTestFinished, expect, test } from 'vitest';
import { IsolatedProcesses } from '../../../../contract/on-demand/isolated-processes.ts';
import { until } from '../../../support/until.ts';

function processes(startMs: number) {
  const ends: string[] = [];
  const all = new IsolatedProcesses({
    functions: [],
    memoryMiB: 64,
    startMs,
    spare: false,
    onDone: () => {},
    onPlace: () => {},
    onEnd: (by) => {
      ends.push(by);
      return false;
    },
    onSpareEnd: () => {},
  });
  onTestFinished(() => all.close());
  return { all, ends };
}

const running = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;

test('after three that fail in a row none is started for a while, and a pause that ended lets one more try', async () => {
  const { all, ends } = processes(1);
  const before = running();
  const first = all.ready();
  expect(running()).toBeGreaterThan(before);
  expect(await first).toBe(null);
  const after = running();
  const again = all.ready();
  expect(running(), 'no process in the pause').toBeLessThanOrEqual(after);
  expect(await again).toBe(null);
  expect(all.lastFailure).toBe('the process of isolated functions does not start: it ended by SIGKILL');
  expect(ends).toEqual([]);
});

test('one that starts is ready, and after its end another one is', async () => {
  const { all } = processes(60_000);
  const first = await all.ready();
  expect(first?.isReady).toBe(true);
  all.endCurrent();
  const second = await all.ready();
  expect(second?.isReady).toBe(true);
  expect(second).not.toBe(first);
  await all.close();
  expect(await all.ready()).toBe(null);
  await until(() => second !== null, 'both are gone');
});
