/**
 * Drift and statistics alone, over the same numbers: the whole of `plumb monitor stats`, its start and the reading of
 * its files included, as the package has it, in turn with Evidently's drift report, of which the report alone counts.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/drift-bench.ts ENVIRONMENT BOTH.parquet FEATURE ...
 *
 * ENVIRONMENT is a folder of Python with Evidently; BOTH is as for contenders/evidently_drift.py.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDb, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths, quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { ROOT } from '../harness/contender.ts';
import { buildPackage } from '../subjects/cached-memory.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { median } from '../harness/median.ts';
import { print } from '../harness/report.ts';

const ROUNDS = 3;

const [environment, both, ...features] = process.argv.slice(2) as [string, string, ...string[]];
const folder = mkdtempSync(join(tmpdir(), 'plumb-drift-'));
try {
  buildPackage();
  const [a, b] = [join(folder, 'replayed.parquet'), join(folder, 'served.parquet')];
  const rows = await split(a, b);
  const times: { stats: number; report: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const stats = await measuredRun(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      join(ROOT, 'dist', 'plumb.js'),
      'monitor',
      'stats',
      '--json',
      '--a',
      a,
      '--b',
      b,
    ]);
    const script = join(ROOT, 'benchmarks', 'contenders', 'evidently_drift.py');
    const { output } = await measuredRun(join(environment, 'bin', 'python'), [script, both, ...features]);
    const report = (JSON.parse(output) as { readonly cpu_seconds: number }).cpu_seconds;
    times.push({ stats: stats.cpuSeconds, report });
    print(`  stats ${stats.cpuSeconds.toFixed(2)} s, Evidently's report ${report.toFixed(2)} s`);
  }
  const [stats, report] = [median(times.map((one) => one.stats)), median(times.map((one) => one.report))];
  print(`${rows} rows, ${features.length} columns: ${(report / stats).toFixed(1)} times by CPU`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Writes both sides as files of their own, with the features by their names. @returns how many rows each has */
async function split(a: string, b: string): Promise<number> {
  const duck = await DuckDb.open({ threads: 2 });
  const from = `read_parquet(${quotePaths([both])})`;
  for (const [side, file] of [
    ['replayed', a],
    ['served', b],
  ] as const) {
    const columns = features.map((name) => `${quoteName(`${side}__${name}`)} AS ${quoteName(name)}`);
    await duck.run(
      `COPY (SELECT ${columns.join(', ')} FROM ${from}) TO ${quoteTarget(file)} (FORMAT parquet)`,
    );
  }
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM ${from}`);
  duck.close();
  return row!['n'] as number;
}
