import { test } from 'vitest';
import { holdBases } from '../support/fixtures/based-histories.ts';

test(
  'with its bases a history answers as the as-of rule does, over 20,000 histories',
  () => holdBases(40, 500),
  1_800_000,
);
