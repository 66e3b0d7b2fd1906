/**
 * How Spark is started and heard, with programs in its place that say what runner.py says; the real one is in
 * test/clients.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SparkJob } from '../../../../../project/engine/spark/spark-job.ts';
import { SparkSession } from '../../../../../project/engine/spark/spark-session.ts';
import type { SparkSettings } from '../../../../../project/settings/spark-settings.ts';
import { scratchFolder } from '../../../../support/scratch.ts';
import { until } from '../../../../support/until.ts';

/** In the place of Spark: says what it is started with, takes jobs from the socket, and answers each. */
const LISTENS = (answer: string): string => `exec ${process.execPath} -e '
  const say = (what) => console.log("plumb " + JSON.stringify(what));
  console.log(process.argv.slice(1).join(" "));
  const link = require("node:net").connect(process.argv.at(-1));
  require("node:readline").createInterface({ input: link }).on("line", (line) => { console.log(line); ${answer} });
' -- "$@"`;

/** A Spark that is a shell script. */
function sessionOf(script: string, settings: Partial<SparkSettings> = {}) {
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
  const told: string[] = [];
  const logger = {
    info: (line: string) => void told.push(line),
    warn: (line: string) => void told.push(line),
    progress: (label: string, done: number, total: number, unit?: string) =>
      void told.push(`${label}: ${done} of ${total} ${unit ?? 'steps'}`),
  };
  const session = new SparkSession(spark, logger, 'train');
  onTestFinished(() => session.close());
  const run = async () => {
    const place = session.openPlace();
    const job = new SparkJob();
    const from = job.read(['/data/a[1].parquet'], null);
    job.write('out', `SELECT * FROM ${from}`, join(place.folder, 'out'));
    const ended = session.run({ job, labels: { out: 'joining' } });
    const result = await ended.catch((error: unknown) => error);
    place.close();
    return { result, place };
  };
  const logs = (): string[] => readdirSync(spark.folder).map((name) => join(spark.folder, name));
  return { session, run, told, logs };
}

test('jobs go to one Spark; progress and what else is said come back', async () => {
  const { session, run, told, logs } = sessionOf(
    `echo WARN something >&2; ${LISTENS('say({ step: "out", done: 3, total: 8 }); say({ written: "out" })')}`,
    { master: 'local[2]', conf: { 'spark.driver.memory': '1g' } },
  );
  const { result, place } = await run();
  expect([result, (await run()).result]).toEqual([undefined, undefined]);
  await session.close();
  const [log, ...others] = logs();
  expect(others).toEqual([]);
  const steps = ['joining: 3 of 8 tasks', 'joining: 1 of 1 steps'];
  expect(told).toEqual([`starting Spark; its log is ${log}`, ...steps, ...steps]);
  const said = readFileSync(log!, 'utf8');
  expect(said).toContain('WARN something');
  expect(said).toMatch(/--master local\[2\] --conf spark\.driver\.memory=1g \S+runner\.py \S+jobs\n/);
  const json = said.split('\n').find((line) => line.startsWith('{'))!;
  expect(JSON.parse(json)).toMatchObject({
    session: { 'spark.sql.ansi.enabled': 'true', 'spark.sql.session.timeZone': 'UTC' },
    // Spark takes paths for patterns.
    tables: [{ name: 'read_0', files: [String.raw`/data/a\[1\].parquet`], schema: null, places: false }],
    outputs: [{ name: 'out', sql: 'SELECT * FROM read_0', folder: join(place.folder, 'out') }],
  });
});

test('a failure is one sentence that names the log; the next job has another Spark', async () => {
  const { run, logs } = sessionOf(
    LISTENS('say({ failed: "[DIVIDE_BY_ZERO] Division by zero." }); process.exit(1)'),
  );
  const failed = await run();
  expect(failed.result).toMatchObject({
    code: 'SPARK_FAILED',
    message: `Spark failed: [DIVIDE_BY_ZERO] Division by zero. (log: ${logs()[0]})`,
  });
  expect((await run()).result).toMatchObject({ code: 'SPARK_FAILED' });
  expect(logs()).toHaveLength(2);
});

test('an end without an answer is a failure; after one between two jobs there is another Spark', async () => {
  const ended = sessionOf('echo no memory >&2; exit 137');
  expect((await ended.run()).result).toMatchObject({
    code: 'SPARK_FAILED',
    message: `Spark failed: it ended with 137 before it had done its work (log: ${ended.logs()[0]})`,
  });
  expect(readFileSync(ended.logs()[0]!, 'utf8')).toContain('no memory');
  const once = sessionOf(LISTENS('say({ written: "out" }); process.exit(0)'));
  expect((await once.run()).result).toBeUndefined();
  // One that asks while it ends hears of it.
  await until(async () => (await once.run()).result === undefined, 'another Spark');
  expect(once.logs().length).toBeGreaterThan(1);
});

test('where there is no Spark, the setting is named', async () => {
  const { result } = await sessionOf('', { command: '/nowhere/spark-submit' }).run();
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
    `import { SparkSession } from '${engine}/spark-session.ts';
    import { SparkJob } from '${engine}/spark-job.ts';
    const spark = { command: '${command}', master: null, conf: {}, folder: '${folder}/spark' };
    const logger = { info() {}, warn() {}, progress() {} };
    await new SparkSession(spark, logger, 'train').run({ job: new SparkJob(), labels: {} });`,
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
