/**
 * `plumb materialize` as processes: two at once, and killed ones. The history is then what one undisturbed run makes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadCurrentBundle } from '../../../contract/definitions/bundle-folder.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import { shopProject } from '../fixtures/shop-project.ts';
import { seededRandom } from '../seeded-random.ts';
import { plumb, PLUMB, QUIET_NODE } from '../processes/plumb-process.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';

const LONGEST_MS = 4_000;

/** Rows of the newest (entity, event), without what tells runs apart. */
async function answersOf(duck: DuckDb, folder: string): Promise<unknown[]> {
  const bundle = loadCurrentBundle(join(folder, '.plumb/bundles'));
  const view = bundle.views.get('purchases')!;
  const place = { folder, history: localFolder(join(folder, '.plumb/history')) };
  const { sql } = await openHistory(duck, place, view, bundle.entities.get(view.entity)!);
  return duck.rows(`SELECT * EXCLUDE (run_id, created_time) FROM (${sql})
    QUALIFY row_number() OVER (PARTITION BY customer_id, event_time ORDER BY created_time DESC) = 1 ORDER BY ALL`);
}

/** Starts a run and kills it after a while, unless it has ended by then. */
async function killedRun(folder: string, command: readonly string[], afterMs: number): Promise<void> {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, ...command], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  await ended;
  clearTimeout(timer);
}

/** Runs that are killed at a random time, then two at once. */
export async function killRuns(kills: number, command: readonly string[] = ['materialize']): Promise<void> {
  const [folder, undisturbed] = [await shopProject(), await shopProject()];
  for (const one of [folder, undisturbed]) expect((await plumb(['-C', one, 'apply'])).code).toBe(0);
  expect((await plumb(['-C', undisturbed, 'materialize'])).code).toBe(0);
  const random = seededRandom();
  for (let i = 0; i < kills; i++) await killedRun(folder, command, random() * LONGEST_MS);
  const both = await Promise.all([0, 1].map(() => plumb(['-C', folder, ...command])));
  const codes = both.map(({ code }) => code).toSorted();
  // One may begin when the other has ended: then both are complete.
  expect([
    [0, 0],
    [0, 4],
  ]).toContainEqual(codes);
  for (const { code, stderr } of both) if (code === 4) expect(stderr).toContain('[MAT_BUSY]');
  const duck = await DuckDb.open({ threads: 1 });
  const answers = await answersOf(duck, folder);
  expect(answers.length).toBeGreaterThan(20);
  expect(answers).toEqual(await answersOf(duck, undisturbed));
  duck.close();
}
