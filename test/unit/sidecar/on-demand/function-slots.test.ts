import { expect, onTestFinished, test } from 'vitest';
import { ENGINE } from '../../../../contract/on-demand/engine.ts';
import type { OnDemandView } from '../../../../contract/model.ts';
import { FunctionSlots } from '../../../../sidecar/on-demand/function-slots.ts';
import { bare, fee, trip } from '../../../support/fixtures/on-demand-bundle.ts';
import { profile, spend } from '../../../support/fixtures/serving-fixture.ts';
import { until } from '../../../support/until.ts';

const OTHER = 'V8 13.6.233.10-node.28 x64';

function bundleOf(...views: OnDemandView[]) {
  return {
    views: new Map([profile, spend].map((view) => [view.id, view])),
    onDemand: new Map(views.map((view) => [view.id, view])),
  };
}

test('a view that was applied on another engine is told of once, and counted until it is applied on this one', async () => {
  const lines: string[] = [];
  const slots = new FunctionSlots((line) => lines.push(line));
  const take = (...views: OnDemandView[]): boolean[] => {
    slots.take(slots.functionsOf(bundleOf(...views)));
    return [...slots.tallies.values()].map(({ isOfOtherEngine }) => isOfOtherEngine);
  };
  expect(take({ ...trip, engine: OTHER }, { ...fee, engine: ENGINE }, bare)).toEqual([true, false, false]);
  expect(lines).toEqual([expect.stringContaining(`trip was applied on ${OTHER}, and this is ${ENGINE}`)]);
  expect(take({ ...trip, engine: OTHER }, fee)).toEqual([true, false, false]);
  expect(lines).toHaveLength(1);
  expect(take({ ...trip, engine: ENGINE }, fee)).toEqual([false, false, false]);
  expect(take(bare)).toEqual([false, false, false]);
  expect(lines).toHaveLength(1);
  await slots.close();
});

test('isolated functions have their processes until the next ones are in force and all who hold them let go', async () => {
  const slots = new FunctionSlots();
  onTestFinished(() => slots.close());
  const isolated = { ...bare, isolated: true, costly: 'has a loop' };
  const first = slots.functionsOf(bundleOf(isolated));
  slots.take(first);
  const runner = first.runners.get('bare')!;
  const rows = (of = runner) => of.rows([[1, 2]]);
  await until(() => slots.processes.ready === 2, 'the process and its spare are ready');
  const next = slots.functionsOf(bundleOf(isolated, { ...trip, isolated: true, costly: 'has a loop' }));
  await next.isolated!.functions.start();
  await until(() => slots.processes.ready === 4, 'those of the next bundle are ready beside them');
  expect(await rows()).toEqual([[3, 1]]);
  runner.hold();
  runner.hold();
  slots.take(next);
  expect(slots.processes.ready).toBe(4);
  runner.release();
  expect(await rows()).toEqual([[3, 1]]);
  expect(slots.processes.ready).toBe(4);
  runner.release();
  expect(slots.processes.ready).toBe(2);
  expect(await rows(next.runners.get('bare'))).toEqual([[3, 1]]);
});
