/**
 * A function that is known to be cheap ends soon, whatever it is given: programs drawn at random, tricks among them,
 * are judged, and those that may run in the thread that answers are called with the worst arguments that fit, in a
 * process that ends a call of more than ten seconds of which it had a quarter of the processor.
 */
import { expect, test } from 'vitest';
import { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import { OnDemandFault } from '../../contract/on-demand/on-demand-function.ts';
import { formatType } from '../../contract/value-type.ts';
import { costlyPartOf } from '../../registry/code/cost/sized-run.ts';
import { parseExpression } from '../../registry/code/syntax-tree.ts';
import { NO_VIEWS, onDemandView } from '../support/fixtures/on-demand-view.ts';
import { hostileRows, PROGRAM_ARGUMENTS, randomProgram } from '../support/fixtures/random-programs.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { seededRandom } from '../support/seeded-random.ts';

const PROGRAMS = IS_LONG_RUN ? 4_000 : 200;
/** Of each argument: as long as what fits in a request, or shorter where a test must be. */
const LENGTH = IS_LONG_RUN ? 262_144 : 16_384;
const CALL_MS = 10_000;
const AT_ONCE = 50;

function isCheap(text: string): boolean {
  return costlyPartOf(parseExpression(`(${text})`), PROGRAM_ARGUMENTS, 'number') === null;
}

test('what may run in the thread that answers ends, whatever it is given', async () => {
  const random = seededRandom();
  const drawn = Array.from({ length: PROGRAMS }, () => randomProgram(random));
  const cheap = drawn.filter(isCheap);
  expect(cheap.length).toBeGreaterThan(PROGRAMS / 10);
  const rows = hostileRows(LENGTH);
  const types = Object.fromEntries(PROGRAM_ARGUMENTS.map(({ name, type }) => [name, formatType(type)]));
  for (let from = 0; from < cheap.length; from += AT_ONCE) {
    const views = cheap
      .slice(from, from + AT_ONCE)
      .map((text, i) => onDemandView(`p${i}`, text, types, { f: 'float64' }));
    const functions = new IsolatedFunctions(views, NO_VIEWS, { callMs: CALL_MS, memoryMiB: 1_024 });
    try {
      for (const [i, { id }] of views.entries()) {
        const outcomes = await functions.rows(id, rows);
        const ended = outcomes.find(
          (one) => one instanceof OnDemandFault && /deadline|memory/.test(one.reason),
        );
        expect(ended, cheap[from + i]!).toBe(undefined);
      }
    } finally {
      await functions.close();
    }
  }
});
