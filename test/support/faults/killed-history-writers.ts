/**
 * Writers of one history that are killed at any step: what they were told is committed is there, once, and all of it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { DuckDb, quoteText } from '../../../project/engine/duckdb/duckdb.ts';
import { openHistory } from '../../../project/engine/duckdb/history.ts';
import { readHistory } from '../../../project/history/history-snapshot.ts';
import { cleanHistory } from '../../../materializer/upkeep/clean-history.ts';
import { KILLED_ENTITY, KILLED_VIEW, ROW_SQL } from './killed-history.ts';
import { seededRandom } from '../seeded-random.ts';
import { scratchFolder } from '../scratch.ts';
import { localFolder } from '../../../project/storage/local-folder.ts';

const WRITER = join(import.meta.dirname, 'history-writer.ts');
/** A commit takes eight steps. */
const MOST_STEPS = 90;

/** No training set was made. */
const untrained = (): Promise<[]> => Promise.resolve([]);

/** Lets a writer run until it kills itself. @returns the commits that it knew of, `{run} {version}` each */
async function killedWriter(root: string, name: string, steps: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', WRITER, root, name, String(steps)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const signal = await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
  expect(signal).toBe('SIGKILL');
  // What it had not printed whole, it did not tell.
  return said.split('\n').slice(0, -1);
}

/** Two writers at once, each killed at a random step, and again as often as is said. */
export async function killWriters(rounds: number): Promise<void> {
  const root = scratchFolder();
  const duck = await DuckDb.open({ threads: 1 });
  await duck.run(`COPY (${ROW_SQL}) TO ${quoteText(join(root, 'row.parquet'))} (FORMAT parquet)`);
  const random = seededRandom();
  const told: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const steps = ['a', 'b'].map(() => 1 + Math.floor(random() * MOST_STEPS));
    const runs = steps.map((n, i) => killedWriter(root, `${'ab'[i]}${round}`, n));
    for (const commits of await Promise.all(runs)) told.push(...commits);
  }
  const history = (await readHistory(localFolder(root), KILLED_VIEW))!;
  const files = history.active();
  expect(files.every(({ file }) => existsSync(file))).toBe(true);
  const committed = files.map(({ path, version }) => `${/\/(.*)\.\w+\.parquet$/.exec(path)![1]!} ${version}`);
  expect(new Set(committed).size).toBe(committed.length);
  expect(told.filter((one) => !committed.includes(one))).toEqual([]);
  // Each writer is killed with at most one commit that it did not get to tell.
  expect(committed.length - told.length).toBeLessThanOrEqual(2 * rounds);
  // One entry for each commit, without a gap.
  expect(files.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(files.map((_, i) => i));
  const { sql } = await openHistory(
    duck,
    { folder: '/', history: localFolder(root) },
    KILLED_VIEW,
    KILLED_ENTITY,
  );
  expect(await duck.rows(`SELECT count(*)::INTEGER AS n FROM (${sql})`)).toEqual([{ n: committed.length }]);
  // What the dead have left is nobody's, and goes.
  for (const days of [2, 4]) {
    const diskMs = Date.now() + days * 86_400_000;
    await cleanHistory(localFolder(root), KILLED_VIEW, { nowMs: 0, diskMs }, untrained);
  }
  expect(await duck.rows(`SELECT count(*)::INTEGER AS n FROM (${sql})`)).toEqual([{ n: committed.length }]);
  duck.close();
}
