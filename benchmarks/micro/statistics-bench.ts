/**
 * The monitor's statistics alone, by CPU on one core: D of two samples, and all that is told of a feature's pairs.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/statistics-bench.ts BOTH.parquet FEATURE ...
 *   python benchmarks/contenders/ks_scipy.py BOTH.parquet FEATURE ...     the same D by scipy
 *
 * BOTH is as for contenders/evidently_drift.py: a row a vector, columns `served__FEATURE` and `replayed__FEATURE`.
 */
import { pairedDistance } from '../../monitor/statistics/paired-distance.ts';
import { pairTallyOf } from '../../monitor/tally/pair-tally.ts';
import { DuckDb, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { print } from '../harness/report.ts';

const [file, ...features] = process.argv.slice(2) as [string, ...string[]];
const duck = await DuckDb.open({ threads: 1 });
const columns = await duck.columns(`SELECT * FROM read_parquet(${quoteText(file)})`);
duck.close();
const sides = features.map((name) =>
  [`served__${name}`, `replayed__${name}`].map((column) => columns[column] as (number | null)[]),
) as [(number | null)[], (number | null)[]][];
const samples = sides.map((pair) =>
  pair.map((side) => Float64Array.from(side.filter((value) => value !== null))),
);
const size = samples.flat().reduce((sum, { length }) => sum + length, 0);

const alone = cpuSecondsOf(() => {
  for (const [served, replayed] of samples) pairedDistance(served!, replayed!, served!.length);
});
const all = cpuSecondsOf(() => {
  for (const [served, replayed] of sides) {
    const tally = pairTallyOf({ kind: 'float64' });
    for (const [i, value] of served.entries()) tally.add(value, replayed[i]!, 1);
    tally.told();
  }
});
print(`D alone: ${alone.toFixed(3)} s CPU, ${(size / alone / 1e6).toFixed(1)} million values a second`);
print(`all of the pairs: ${all.toFixed(3)} s CPU`);

function cpuSecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
