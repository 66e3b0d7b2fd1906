/**
 * One scenario of a simulated fleet in a process of its own, since virtual time takes the process's timers. Prints
 * JSON.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/fleet/run.ts '{"pods": 100, "scenario": "failover"}'
 */
import { Fleet } from './fleet.ts';
import { reportOf, scenarioOf } from './scenarios.ts';

const scenario = scenarioOf(process.argv[2] ?? '{}');
const fleet = new Fleet(scenario.shape);
let passed = 0;
for (const { second, act } of scenario.acts) {
  await fleet.pass(second - passed);
  passed = second;
  act(fleet);
}
await fleet.pass(scenario.seconds - passed);
process.stdout.write(`${JSON.stringify(reportOf(fleet, scenario))}\n`);
