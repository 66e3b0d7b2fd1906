/**
 * A day judged: `plumb monitor run` from the archive to snapshot, report and Parquet, as a whole process. 50 features
 * in 5 views, 5 rows a vector; a usual day, and others (harness/monitored-day.ts).
 *
 * What counts is the CPU of a value and the peak of the resident memory, which other work on the machine hardly
 * touches; the time is printed. `--events` is the number of vectors, `--days` names the days. With `--evidently-env`
 * also Evidently's drift report over the values of one view, by the CPU of its report alone, without its start and its
 * reading.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { measuredRun } from '../harness/measured-run.ts';
import type { MeasuredRun } from '../harness/measured-run.ts';
import { DAY, DAY_KINDS, makeDayProject, writeBothSides, writeDayArchive } from '../harness/monitored-day.ts';
import type { DayShape } from '../harness/monitored-day.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const NODE = ['--disable-warning=ExperimentalWarning', join(ROOT, 'plumb.ts')];
const FEATURES = 50;
const ROWS_OF_ENTITY = 5;
/** Takes some minutes for all days. */
const USUAL_VECTORS = 100_000;

export async function monitoredDays(context: BenchContext): Promise<Target[]> {
  const vectors = context.events ?? USUAL_VECTORS;
  const unknown = context.days?.find((name) => !(DAY_KINDS as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new Error(`--days: there is no ${unknown}; there are ${DAY_KINDS.join(', ')}`);
  const days = new Map<DayShape['kind'], JudgedDay>();
  for (const kind of DAY_KINDS) {
    if (context.days !== null && !context.days.includes(kind)) continue;
    const entities = kind === 'once' ? vectors : Math.ceil(vectors / 5);
    const rows = kind === 'once' ? 1 : ROWS_OF_ENTITY;
    days.set(kind, await judged(context, { vectors, entities, rows, kind }));
  }
  const peaks = [...days.values()].map(({ peakBytes }) => peakBytes!);
  const gib = Math.max(...peaks) / 2 ** 30;
  const usual = days.get('usual');
  const memory = {
    what: 'monitor: peak of the memory, GiB',
    reached: gib,
    wanted: 1,
    unit: '' as const,
    atMost: true,
  };
  return [...(usual === undefined ? [] : besideUsual(usual, days, vectors)), memory];
}

/** What each day costs, of the usual one. */
function besideUsual(
  usual: JudgedDay,
  days: ReadonlyMap<DayShape['kind'], JudgedDay>,
  vectors: number,
): Target[] {
  const targets: Target[] = [
    {
      what: 'monitor, a usual day: million values a CPU s',
      reached: (vectors * FEATURES) / usual.cpuSeconds / 1e6,
      wanted: 1.5,
      unit: '',
      atMost: false,
    },
  ];
  for (const [kind, { cpuSeconds }] of days) {
    if (kind === 'usual') continue;
    const reached = cpuSeconds / usual.cpuSeconds;
    targets.push({
      what: `monitor, ${kind}: CPU of a usual day`,
      reached,
      wanted: 5,
      unit: 'x',
      atMost: true,
    });
  }
  return usual.evidently === null ? targets : [...targets, evidentlyTarget(usual, vectors)];
}

interface JudgedDay extends MeasuredRun {
  /** CPU seconds of Evidently's report a value; null: it was not asked. */
  readonly evidently: number | null;
}

function evidentlyTarget({ evidently, cpuSeconds }: JudgedDay, vectors: number): Target {
  const times = evidently! / (cpuSeconds / (vectors * FEATURES));
  return {
    what: 'monitor, a value: of Evidently by CPU',
    reached: times,
    wanted: 5,
    unit: 'x',
    atMost: false,
  };
}

async function judged(context: BenchContext, shape: DayShape): Promise<JudgedDay> {
  const folder = join(context.folder, `monitor-${shape.kind}`);
  mkdirSync(folder);
  try {
    await makeDayProject(folder, shape);
    await measuredRun(process.execPath, [...NODE, '-C', folder, 'apply']);
    const { hash, views } = loadCurrentBundle(join(folder, '.plumb', 'bundles'));
    await writeDayArchive(folder, shape, { bundle: hash, views: [...views.values()] });
    const run = [...NODE, '-C', folder, 'monitor', 'run', '--date', DAY];
    // It ends with 1 where the verdict is an alarm.
    const measured = await measuredRun(process.execPath, run, '', [0, 1]);
    const mib = measured.peakBytes === null ? 'unknown' : `${(measured.peakBytes / 2 ** 20).toFixed(0)} MiB`;
    print(
      `  ${shape.kind.padEnd(6)} ${shape.vectors} vectors: CPU ${measured.cpuSeconds.toFixed(1)} s, ` +
        `wall ${measured.seconds.toFixed(1)} s, peak ${mib}`,
    );
    return {
      ...measured,
      evidently: shape.kind === 'usual' ? await driftReport(context, folder, shape) : null,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns the CPU seconds of Evidently's report a value of the day's first view */
async function driftReport(
  { evidentlyEnvironment: environment }: BenchContext,
  folder: string,
  { vectors }: DayShape,
): Promise<number | null> {
  if (environment === null) return null;
  const file = join(folder, 'both.parquet');
  const features = await writeBothSides(folder, file);
  const script = join(ROOT, 'benchmarks', 'contenders', 'evidently_drift.py');
  const { output } = await measuredRun(join(environment, 'bin', 'python'), [script, file, ...features]);
  const said = JSON.parse(output) as { readonly dataset: string; readonly cpu_seconds: number };
  print(
    `  Evidently over ${features.length} of ${FEATURES} features: ${said.dataset}, CPU ${said.cpu_seconds.toFixed(1)} s`,
  );
  return said.cpu_seconds / (vectors * features.length);
}
