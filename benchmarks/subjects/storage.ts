/**
 * A usual day judged where archive and sources lie in folders, and where they lie in object storage: `plumb monitor
 * run` as a whole process, rounds in turn. AWS's variables say where the storage is, its bucket is `lake`
 * (test/support/s3/s3-run.ts starts one on loopback for a command); DUCKDB_EXTENSIONS names the folder of DuckDB's own.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCurrentBundle } from '../../contract/definitions/bundle-folder.ts';
import { loadSettings } from '../../project/settings/settings.ts';
import { openFolder } from '../../project/storage/open-folder.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { ROOT } from '../harness/contender.ts';
import { measuredRun } from '../harness/measured-run.ts';
import { median } from '../harness/median.ts';
import { DAY, makeDayProject, writeDayArchive } from '../harness/monitored-day.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const NODE = ['--disable-warning=ExperimentalWarning', join(ROOT, 'plumb.ts')];
const USUAL_VECTORS = 100_000;
const SERVED = '.plumb/served';

export async function judgedInStorage(context: BenchContext): Promise<Target[]> {
  const { DUCKDB_EXTENSIONS: extensions, AWS_ENDPOINT_URL: endpoint } = process.env;
  if (extensions === undefined || endpoint === undefined)
    throw new Error(
      'storage: expected AWS_ENDPOINT_URL and DUCKDB_EXTENSIONS; test/support/s3/s3-run.ts sets both',
    );
  const vectors = context.events ?? USUAL_VECTORS;
  const shape = { vectors, entities: Math.ceil(vectors / 5), rows: 5, kind: 'usual' as const };
  const places = { folders: join(context.folder, 'in-folders'), storage: join(context.folder, 'in-storage') };
  print(`\nA usual day of ${vectors} vectors judged, in folders and in object storage at ${endpoint}`);
  for (const [where, folder] of Object.entries(places)) {
    mkdirSync(folder);
    await makeDayProject(folder, shape);
    const top = `s3://lake/bench-${process.pid}`;
    if (where === 'storage') {
      const file = join(folder, 'definitions', 'bench.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('parquet: data/', `parquet: ${top}/data/`));
      const settings = `project: bench\nserved: ${top}/served\nduckdb: { extensions: "${extensions}" }\n`;
      writeFileSync(join(folder, 'plumbline.yaml'), settings);
      await send(folder, 'data', `${top}/data`);
    }
    await measuredRun(process.execPath, [...NODE, '-C', folder, 'apply']);
    const { hash, views } = loadCurrentBundle(join(folder, '.plumb', 'bundles'));
    await writeDayArchive(folder, shape, { bundle: hash, views: [...views.values()] });
    if (where === 'storage') await send(folder, SERVED, `${top}/served`);
  }
  const seconds = { folders: [] as number[], storage: [] as number[] };
  for (let round = 0; round < context.rounds; round++) {
    for (const [where, folder] of Object.entries(places)) {
      const run = [...NODE, '-C', folder, 'monitor', 'run', '--date', DAY];
      // It ends with 1 where the verdict is an alarm.
      const measured = await measuredRun(process.execPath, run, '', [0, 1]);
      seconds[where as keyof typeof seconds].push(measured.seconds);
      print(
        `  ${where.padEnd(8)} ${measured.seconds.toFixed(1)} s, ${measured.cpuSeconds.toFixed(1)} s of CPU`,
      );
    }
  }
  const reached = median(seconds.storage) / median(seconds.folders);
  return [
    { what: 'a day judged in object storage: time of folders', reached, wanted: 2, unit: 'x', atMost: true },
  ];
}

/** Sends a copy of what lies in a folder of the project. */
async function send(project: string, name: string, to: string): Promise<void> {
  const from = join(project, `${name}-sent`);
  cpSync(join(project, name), from, { recursive: true });
  const settings = loadSettings(project, process.env);
  const files = readdirSync(from, { withFileTypes: true, recursive: true }).filter((one) => one.isFile());
  const paths = files.map(({ parentPath, name: file }) => join(parentPath, file));
  const target = openFolder(to, settings.elsewhere.s3);
  // The state of an ingest has another name there.
  const nameOf = (path: string): string =>
    path.slice(from.length + 1).replace(/^ingest\.json$/, '_ingest/000000000001.json');
  await target.bring(paths.map((path) => ({ from: path, to: nameOf(path) })));
}
