/** Judging a day of which another process ingests hours and joins their files just then. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { pinnedFiles } from '../../../project/archive/pinned-files.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';
import { runMonitor } from '../../../monitor/run.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { openProject } from '../../../project/project.ts';
import type { Project } from '../../../project/project.ts';
import { DAY, at } from '../../support/day-time.ts';
import { INGESTS, VECTORS } from '../../support/faults/joining-ingest.ts';
import { QUIET_NODE } from '../../support/processes/plumb-process.ts';

const PROGRAM = join(import.meta.dirname, '../../support/faults/joining-ingest.ts');
const HOURS = 8;

/** The ingest at work: its project, opened by us, and whether it has ended. */
async function joiningIngest(): Promise<{ readonly project: Project; readonly hasEnded: () => boolean }> {
  const child = spawn(process.execPath, [QUIET_NODE, PROGRAM, String(HOURS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let code: number | null = null;
  const ended = once(child, 'exit').then(([status]) => void (code = status as number));
  const [folder] = (await once(createInterface(child.stdout), 'line')) as [string];
  onTestFinished(async () => {
    child.kill();
    await ended;
    expect(code).toBe(0);
    rmSync(folder, { recursive: true });
  });
  const opened = openProject(folder, { info() {}, warn() {}, progress() {} }, {});
  // With a topic a run ingests nothing itself.
  const topic = { brokers: ['127.0.0.1:1'], topic: 'served' };
  const log = { ...opened.settings.log, kafka: topic as unknown as Project['settings']['log']['kafka'] };
  const clock = { ...opened.clock, nowUs: () => at('23:59:59') };
  return {
    project: { ...opened, clock, settings: { ...opened.settings, log } },
    hasEnded: () => code !== null,
  };
}

test('each list has every vector of the state that names it, once', async () => {
  const { project, hasEnded } = await joiningIngest();
  const { served, folder } = project.settings;
  // Folders that come first: what is listed of the service is listed some time after the state was read.
  for (let i = 0; i < 400; i++)
    mkdirSync(join(served, `a${i}/v1.0/date=${DAY}/hour=00`), { recursive: true });
  const duck = await DuckDb.open({ threads: 1 });
  onTestFinished(() => duck.close());
  let [lists, joined] = [0, 0];
  while (!hasEnded()) {
    const { files, lost, ledger } = await pinnedFiles(localFolder(served), join(folder, 'pins'), () => true);
    expect(lost).toEqual([]);
    const { hours, open } = ledger.archives[0]!;
    const expected = new Map([...hours].map(([hour, { vectors }]) => [hour, vectors]));
    for (const [hour, own] of open) expected.set(hour, (expected.get(hour) ?? 0) + own.length * VECTORS);
    const rows = new Map<string, number>();
    for (const { hour, file } of files) {
      const [found] = await duck.rows(
        `SELECT count(*)::INTEGER AS n FROM read_parquet(${quotePaths([file])})`,
      );
      rows.set(hour, (rows.get(hour) ?? 0) + (found!['n'] as number));
    }
    expect(rows).toEqual(expected);
    lists += 1;
    joined = hours.size;
  }
  expect(lists).toBeGreaterThan(2);
  expect(joined).toBeGreaterThan(HOURS - 2);
});

test('a run neither fails nor counts an hour twice', async () => {
  const { project, hasEnded } = await joiningIngest();
  const database = await RegistryDatabase.open(project.settings.registry);
  onTestFinished(() => database.close());
  let runs = 0;
  let before = 0;
  while (!hasEnded()) {
    const judged = await runMonitor(project, database, { date: DAY }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'MON_NO_VECTORS' });
      return [];
    });
    for (const { vectors, views } of judged) {
      expect(vectors.read % VECTORS).toBe(0);
      expect(vectors.read).toBeGreaterThanOrEqual(before);
      before = vectors.read;
      const full = views[0]!.availability.vectors / (VECTORS * INGESTS);
      expect(views[0]!.hours.map(({ hour }) => hour)).toEqual(
        Array.from({ length: Math.ceil(full) }, (_, i) => i),
      );
      runs += 1;
    }
  }
  expect(runs).toBeGreaterThan(1);
});
