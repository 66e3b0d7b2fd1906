/** Programs of the demo, stopped at any time: an early Ctrl-C is no failure, and any end is noticed. */
import { expect, test } from 'vitest';
import { startProgram } from '../../../examples/retail/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { until } from '../../support/until.ts';

test('a program that is stopped before it has begun has nothing to tell', async () => {
  const program = startProgram(scratchFolder(), 'monitor', 'ingest', '--follow');
  await program.stop();
  expect(program.hasEnded()).toBe(true);
});

test('one that ended by itself is told of, with what it said', async () => {
  const program = startProgram(scratchFolder(), 'no-such-command');
  await until(() => program.hasEnded(), 'it ends');
  await expect(program.stop()).rejects.toThrow(/plumb no-such-command ended with 2:\n.*no-such-command/s);
});
