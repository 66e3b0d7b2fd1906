import { test } from 'vitest';
import { killRuns } from '../../support/faults/killed-materializers.ts';

test(
  'a run that is killed holds nothing up and leaves nothing half; of two at once one is refused',
  () => killRuns(30),
  660_000,
);

test(
  'a backfill that is killed is done again, and gives what an undisturbed run gives',
  () => killRuns(10, ['backfill', '--view', 'purchases']),
  660_000,
);
