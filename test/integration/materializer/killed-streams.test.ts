import { test } from 'vitest';
import { killStreams } from '../../support/faults/killed-streams.ts';

test(
  'a stream that is killed at any time goes on where it was, and nothing counts twice',
  () => killStreams(3),
  120_000,
);
