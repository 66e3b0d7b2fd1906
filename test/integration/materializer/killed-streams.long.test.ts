import { test } from 'vitest';
import { killStreams } from '../../support/faults/killed-streams.ts';

test(
  'a stream that is killed ten times loses nothing and counts nothing twice',
  () => killStreams(10),
  600_000,
);
