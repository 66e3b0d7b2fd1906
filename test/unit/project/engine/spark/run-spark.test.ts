/**
 * How Spark is started and heard, with programs in its place that say what runner.py says; the real one is in
 * test/clients.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSparkPlace, runSpark } from '../../../../../project/engine/spark/run-spark.ts';
import { SparkJob } from '../../../../../project/engine/spark/spark-job.ts';
import type { SparkSettings } from '../../../../../project/settings/spark-settings.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { until } from '../../../../support/until.ts';

/** Runs a job of one output with a shell script in Spark's place. */
async function run(script: string, settings: Partial<SparkSettings> = {}) {
  const folder = scratchFolder();
  const command = join(folder, 'spark-submit');
  writeFileSync(command, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const spark: SparkSettings = {
    command,
    master: null,
    conf: {},
    folder: join(folder, 'spark'),
    ...settings,
  };
  const place = openSparkPlace(spark, 'train');
  const job = new SparkJob();
  const from = job.read(['/data/a[1].parquet'], null);
  job.write('out', `SELECT * FROM ${from}`, join(place.folder, 'out'));
  const told: string[] = [];
  const logger = {
    info: (line: string) => void told.push(line),
    warn: (line: string) => void told.push(line),
    progress: (label: string, done: number, total: number, unit?: string) =>
      void told.push(`${label}: ${done} of ${total} ${unit ?? 'steps'}`),
  };
  const ended = runSpark(spark, { job, place, logger, labels: { out: 'joining' } });
  const result = await ended.catch((error: unknown) => error as Error & { code: string });
  const log = existsSync(place.log) ? readFileSync(place.log, 'utf8') : '';
  place.close();
  expect(readdirSync(spark.folder)).toEqual([place.log.split('/').at(-1)!]);
  return { result, told, log, place };
}

const SAYS = (...lines: object[]): string =>
  lines.map((line) => `echo 'plumb ${JSON.stringify(line)}'`).join('\n');

test('a job goes to Spark as a file; progress, what else is said and rows come back', async () => {
  const script = `${SAYS({ step: 'out', done: 3, total: 8 })}
    echo 'WARN something' >&2; echo "$@"; cat "$6"; echo; ${SAYS({ written: 'out', rows: 12 })}`;
  const { result, told, log, place } = await run(script, {
    master: 'local[2]',
    conf: { 'spark.driver.memory': '1g' },
  });
  expect(result).toEqual(new Map([['out', 12]]));
  expect(told).toEqual([
    `starting Spark; its log is ${place.log}`,
    'joining: 3 of 8 tasks',
    'joining: 1 of 1 steps',
  ]);
  expect(log).toContain('WARN something');
  expect(log).toMatch(/--master local\[2\] --conf spark\.driver\.memory=1g \S+runner\.py \S+job\.json/);
  const json = log.split('\n').find((line) => line.startsWith('{'))!;
  expect(JSON.parse(json)).toMatchObject({
    session: { 'spark.sql.ansi.enabled': 'true', 'spark.sql.session.timeZone': 'UTC' },
    // Spark takes paths for patterns.
    tables: [{ name: 'read_0', files: [String.raw`/data/a\[1\].parquet`], schema: null, places: false }],
    outputs: [{ name: 'out', sql: 'SELECT * FROM read_0', folder: join(place.folder, 'out') }],
  });
});

test('a failure is one sentence that names the log', async () => {
  const failed = await run(`${SAYS({ failed: '[DIVIDE_BY_ZERO] Division by zero.' })}; exit 1`);
  expect(failed.result).toMatchObject({
    code: 'SPARK_FAILED',
    message: `Spark failed: [DIVIDE_BY_ZERO] Division by zero. (log: ${failed.place.log})`,
  });
  const ended = await run('echo no memory >&2; exit 137');
  expect(ended.result).toMatchObject({
    code: 'SPARK_FAILED',
    message: `Spark failed: it ended with 137 before it had done its work (log: ${ended.place.log})`,
  });
  expect(ended.log).toContain('no memory');
  const idle = await run('exit 0');
  expect(idle.result).toMatchObject({ code: 'SPARK_FAILED' });
});

test('where there is no Spark, the setting is named', async () => {
  const { result } = await run('', { command: '/nowhere/spark-submit' });
  expect(result).toMatchObject({
    code: 'SPARK_START',
    message: '/nowhere/spark-submit cannot be run: spawn /nowhere/spark-submit ENOENT',
    details: { field: 'spark.command' },
  });
});

test('a process that is ended by a signal takes its Spark along', async () => {
  const folder = scratchFolder();
  const command = join(folder, 'spark-submit');
  const pidFile = join(folder, 'pid');
  writeFileSync(command, `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 600\n`, { mode: 0o755 });
  const engine = join(import.meta.dirname, '../../../../../project/engine/spark');
  const script = join(folder, 'run.mjs');
  writeFileSync(
    script,
    `import { openSparkPlace, runSpark } from '${engine}/run-spark.ts';
    import { SparkJob } from '${engine}/spark-job.ts';
    const spark = { command: '${command}', master: null, conf: {}, folder: '${folder}/spark' };
    const logger = { info() {}, warn() {}, progress() {} };
    await runSpark(spark, { job: new SparkJob(), place: openSparkPlace(spark, 'train'), logger, labels: {} });`,
  );
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', (_, signal) => resolve(signal)));
  const pidOf = (): string => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : '');
  await until(() => pidOf() !== '', 'a process in the place of Spark');
  const pid = Number(pidOf());
  child.kill('SIGTERM');
  expect(await ended).toBe('SIGTERM');
  await until(() => !isAlive(pid), 'the end of it');
}, 300_000);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('files in object storage are refused', () => {
  expect(() => new SparkJob().read(['s3://bucket/a.parquet'], null)).toThrow(
    's3://bucket/a.parquet lies in object storage, which Spark is not given yet',
  );
});
