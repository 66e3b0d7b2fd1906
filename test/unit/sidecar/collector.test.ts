import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const COLLECTOR = join(import.meta.dirname, '../../../sidecar/collector.ts');
/** Half a million objects that live for a while, three million in all: some collections of the old generation. */
const WORK = 'const kept = []; for (let i = 0; i < 3e6; i++) kept[i % 500_000] = { i, more: [i] };';

/** @returns how often a thread began to help with marking after the program had said `begin` */
function helpersOf(program: string): number {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    '--trace-concurrent-marking',
    '--input-type=module',
  ];
  const said = execFileSync(process.execPath, [...flags, '-e', program], { encoding: 'utf8' });
  return said.split('begin\n')[1]!.split('Starting major concurrent marking task').length - 1;
}

test("the sidecar's collector marks without helping threads, but for the end of a collection", () => {
  const usual = helpersOf(`console.log('begin'); ${WORK}`);
  const tuned = helpersOf(
    `const { tuneCollector } = await import(${JSON.stringify(COLLECTOR)});
     tuneCollector(); console.log('begin'); ${WORK}`,
  );
  expect(usual).toBeGreaterThan(4);
  expect(tuned).toBeLessThan(usual / 2);
});
