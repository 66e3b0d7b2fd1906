import { test } from 'vitest';
import { killRuns } from '../../support/faults/killed-materializers.ts';

test(
  'a run that is killed holds nothing up and leaves nothing half; of two at once one is refused',
  () => killRuns(30),
  660_000,
);
