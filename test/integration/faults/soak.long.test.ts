/** A short soak of the whole set, four faults: what holds for an hour (`npm run test:soak`) holds here. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { FAULTS } from '../../soak/faults/faults.ts';
import { renderSoak, soakChecks } from '../../soak/soak-report.ts';
import { runSoak } from '../../soak/soak-run.ts';
import { scratchFolder } from '../../support/scratch.ts';

const SHORT = ['a Redis primary is killed', 'a sidecar is killed', 'Kafka hangs', 'rows are deleted online'];
const LIMIT_MS = 1_200_000;

test(
  'two minutes: nothing is lost, and the verdict names what was done',
  async () => {
    const seed = Number(process.env['PLUMB_SEED'] ?? 20_261_121);
    const faults = FAULTS.filter(({ name }) => SHORT.includes(name));
    expect(faults).toHaveLength(SHORT.length);
    const folder = join(scratchFolder(), 'soak');
    const options = { folder, minutes: 2, seed, perSecond: 40, faults, logger: silentLogger };
    const result = await runSoak(options);
    const failed = soakChecks(result).filter(({ holds }) => !holds);
    expect(failed, renderSoak(result)).toEqual([]);
  },
  LIMIT_MS,
);
