import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const COLLECTOR = join(import.meta.dirname, '../../../../sidecar/process/gc-tuning.ts');
const GARBAGE = join(COLLECTOR, '../../../contract/std/garbage.ts');
/** Half a million objects that live for a while, three million in all: some collections of the old generation. */
const WORK = 'const kept = []; for (let i = 0; i < 3e6; i++) kept[i % 500_000] = { i, more: [i] };';

/**
 * V8 says at each step of marking how much helping threads have marked since it began. At the end of a collection,
 * when no steps are made any more, they may help.
 *
 * @returns by step KB that helpers had marked, after the program had said `begin`
 */
function markedByHelpers(program: string): number[] {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--trace-incremental-marking',
    '--input-type=module',
  ];
  const options = { encoding: 'utf8', maxBuffer: 2 ** 28 } as const;
  const said = execFileSync(process.execPath, [...flags, '-e', program], options);
  const steps = said.split('begin\n')[1]!.matchAll(/Schedule: .*concurrent (\d+)KB/g);
  return [...steps].map(([, kilobytes]) => Number(kilobytes));
}

test("V8's own collector marks with helping threads, and tells so", () => {
  // On a machine without a free core the helpers may come too late to a collection, but not to all of them.
  let most = 0;
  for (let run = 0; run < 20 && most === 0; run++) {
    most = Math.max(...markedByHelpers(`console.log('begin'); ${WORK}`));
  }
  expect(most).toBeGreaterThan(0);
});

test("the sidecar's marks in steps of its own alone", () => {
  const steps = markedByHelpers(
    `const { tuneCollector } = await import(${JSON.stringify(COLLECTOR)});
     tuneCollector(); console.log('begin'); ${WORK}`,
  );
  expect(steps.length).toBeGreaterThan(10);
  expect(Math.max(...steps)).toBe(0);
});

/** @returns how often V8 counted, place by place in the code, what lived over a collection */
function countedPlaces(program: string): number {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--trace-pretenuring-statistics',
    '--input-type=module',
  ];
  const said = execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
  return said.split('begin\n')[1]!.split('mementos=').length - 1;
}

test('V8 alone decides by what lived where objects are made; in the sidecar it does not', () => {
  const tune = `const { tuneCollector } = await import(${JSON.stringify(COLLECTOR)}); tuneCollector();`;
  expect(countedPlaces(`console.log('begin'); ${WORK}`)).toBeGreaterThan(0);
  expect(countedPlaces(`${tune} console.log('begin'); ${WORK}`)).toBe(0);
});

// A full collection that ends right behind a young one doubles the young generation twice before anyone can see it.
const ONE_AT_A_TIME = ['--no-incremental-marking', '--single-threaded-gc'];

/** @returns the most that the young generation had, in MiB, while a program did the work */
function mostYoungMib(bound: string, flags: readonly string[] = []): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { setImmediate } from 'node:timers/promises';
    import { GcPauses } from ${JSON.stringify(join(COLLECTOR, '../../metrics/gc-pauses.ts'))};
    import { youngGenerationBound } from ${JSON.stringify(COLLECTOR)};
    new GcPauses(${bound});
    const kept = [];
    let most = 0;
    for (let i = 0; i < 2e6; i++) {
      kept[i % 500_000] = { i, more: [i] };
      if (i % 10_000 !== 0) continue;
      await setImmediate();
      const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
      most = Math.max(most, young.space_size);
    }
    console.log(most / 2 ** 20);
    process.exit(0);`;
  const all = [
    '--disable-warning=ExperimentalWarning',
    ...ONE_AT_A_TIME,
    ...flags,
    '--input-type=module',
    '-e',
    program,
  ];
  return Number(execFileSync(process.execPath, all, { encoding: 'utf8' }));
}

test('the young generation has two halves of 8 MiB at most, unless a size is asked for', () => {
  expect(mostYoungMib('() => {}')).toBe(32);
  expect(mostYoungMib('youngGenerationBound()')).toBe(16);
  expect(mostYoungMib('youngGenerationBound()', ['--max-semi-space-size=16'])).toBe(32);
});

test('one that shrank while little happened may grow again', () => {
  const program = `
    import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
    import { runInNewContext } from 'node:vm';
    import { setImmediate } from 'node:timers/promises';
    import { youngGenerationBound } from ${JSON.stringify(COLLECTOR)};
    import { trimHeap } from ${JSON.stringify(GARBAGE)};
    const collected = youngGenerationBound();
    const mib = () => getHeapSpaceStatistics().find((s) => s.space_name === 'new_space').space_size / 2 ** 20;
    const kept = [];
    const work = () => {
      for (let i = 0; i < 1e6; i++) {
        kept[i % 500_000] = { i, more: [i] };
        if (i % 1_000 === 0) collected();
      }
      return mib();
    };
    const first = work();
    trimHeap();
    collected();
    console.log(JSON.stringify([first, mib() < 16, work()]));`;
  const all = [
    '--disable-warning=ExperimentalWarning',
    ...ONE_AT_A_TIME,
    '--input-type=module',
    '-e',
    program,
  ];
  expect(JSON.parse(execFileSync(process.execPath, all, { encoding: 'utf8' }))).toEqual([16, true, 16]);
});

test('a thread gives back what its start has left over', () => {
  const program = `
    import { getHeapStatistics } from 'node:v8';
    import { trimHeap } from ${JSON.stringify(GARBAGE)};
    const before = getHeapStatistics().total_physical_size;
    trimHeap();
    console.log(before - getHeapStatistics().total_physical_size);`;
  const all = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program];
  expect(Number(execFileSync(process.execPath, all, { encoding: 'utf8' }))).toBeGreaterThan(2 ** 20);
});
