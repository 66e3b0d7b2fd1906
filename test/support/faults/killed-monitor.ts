/**
 * A process that judges the tests' day once, as seen at a fixed time, for a test that kills it.
 *
 *   node killed-monitor.ts FOLDER TIME
 */
import { runMonitor } from '../../../monitor/run.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { openProject } from '../../../project/project.ts';
import { DAY, at } from '../day-time.ts';

const [, , folder, time] = process.argv;
const opened = openProject(folder!, { info() {}, warn() {}, progress() {} }, {});
const project = { ...opened, clock: { ...opened.clock, nowUs: () => at(time!) } };
const database = await RegistryDatabase.open(project.settings.registry);
await runMonitor(project, database, { date: DAY });
await database.close();
