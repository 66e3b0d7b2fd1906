/**
 * Where property tests start from. `npm test` runs the same cases each time, so that a red run speaks of the change;
 * `npm run test:long` and `PLUMB_SEED=random` look at new ones, `PLUMB_SEED=7` at those of seed 7. A failure prints
 * its seed.
 */
import fc from 'fast-check';

const wish = process.env['PLUMB_SEED'] ?? (process.env['PLUMB_TEST_LONG'] === '1' ? 'random' : '20261121');
if (wish !== 'random') fc.configureGlobal({ seed: Number(wish) });
