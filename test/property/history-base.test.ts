import { test } from 'vitest';
import { holdBases } from '../support/fixtures/based-histories.ts';
import { rounds } from '../support/long-run.ts';

/** `PLUMB_SEED=random PLUMB_RUNS=100 npx vitest run test/property/history-base` looks further. */
const TABLES = Number(process.env['PLUMB_RUNS'] ?? rounds(4, 8));

test(
  'with its bases a history answers as the as-of rule does',
  () => holdBases(TABLES, 60),
  60_000 + 30_000 * TABLES,
);
