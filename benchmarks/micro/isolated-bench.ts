/**
 * What a batch of rows of an isolated function costs. Its process counts for the system when it has ended, so the whole
 * is told from outside; less a run of 0 batches.
 *
 *   /usr/bin/time node benchmarks/micro/isolated-bench.ts --rows 50 --batches 5000
 */
import { parseArgs } from 'node:util';
import { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import { print } from '../harness/report.ts';
import { NO_VIEWS, viewOf } from '../harness/on-demand-view.ts';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1' }, batches: { type: 'string', default: '20000' } },
});
const batches = Number(values.batches);
const rows = Array.from({ length: Number(values.rows) }, (_, i) => [i + 0.5, i]);
const script = '({ x }) => { let n = 0; while (x > 1) { x /= 2; n += 1; } return { y: n } }';
const halve = viewOf('halve', script, ['x', 'z'], ['y']);

const functions = new IsolatedFunctions([halve], NO_VIEWS, { callMs: 2_000 });
const beganMs = performance.now();
await functions.start();
const startedMs = performance.now();
const before = process.cpuUsage();
for (let n = 0; n < batches; n++) await functions.rows('halve', rows);
const { user, system } = process.cpuUsage(before);
await functions.close();
print(`start ${(startedMs - beganMs).toFixed(0)} ms by the clock`);
if (batches > 0)
  print(`a batch of ${rows.length}: ${((user + system) / batches).toFixed(1)} us in this process`);
