/**
 * A process that judges the tests' day once, as seen at a fixed time, for a test that kills it.
 *
 *   node killed-monitor.ts FOLDER TIME [SHARD]
 */
import { parseRoleShard } from '../../../monitor/kept/role-shard.ts';
import { runMonitor, runShard } from '../../../monitor/run.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { DAY, at } from '../day-time.ts';

const [, , folder, time, shard] = process.argv;
const opened = openProject(folder!, { info() {}, warn() {}, progress() {} }, {});
const project = { ...opened, clock: { ...opened.clock, nowUs: () => at(time!) } };
const database = await RegistryDatabase.open(project.settings.registry);
if (shard === undefined) await runMonitor(project, database, { date: DAY });
else await runShard(project, database, { date: DAY }, parseRoleShard(shard));
await database.close();
