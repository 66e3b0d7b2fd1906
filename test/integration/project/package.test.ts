/**
 * The package as others get it: built, packed, installed in a folder elsewhere, and run from there. Node strips no
 * types below node_modules, so whatever works here runs from dist/ alone.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startKafka } from '../../support/kafka/kafka.ts';
import { makeTopic, readTopic } from '../../support/kafka/kafka-topic.ts';
import { run, serve } from '../../support/processes/plumb-process.ts';
import type { Finished, Serving } from '../../support/processes/plumb-process.ts';
import { arrivedIn } from '../../support/kafka/shipped-log.ts';
import { IS_LONG_RUN } from '../../support/long-run.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const QUIET = ['--no-audit', '--no-fund', '--loglevel', 'error'];

/** Outside the checkout, with the installed package in it. */
let elsewhere: string;
let packed: readonly string[];

beforeAll(async () => {
  elsewhere = mkdtempSync(join(tmpdir(), 'plumb-'));
  const pack = await npm(['pack', '--json', '--pack-destination', elsewhere, ...QUIET], ROOT);
  // What the build says goes to stdout before the list.
  const [{ filename, files }] = JSON.parse(pack.stdout.slice(pack.stdout.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = files.map(({ path }) => path);
  writeFileSync(
    join(elsewhere, 'package.json'),
    '{ "name": "elsewhere", "private": true, "type": "module" }',
  );
  // As a project depends on it: under the name that definitions import.
  await npm(['install', '--prefer-offline', ...QUIET, `plumbline@file:${filename}`], elsewhere);
});
afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

/** npm on this process's Node, which the packages' `engines` ask for. */
async function npm(args: readonly string[], cwd: string): Promise<Finished> {
  const done = await run('npm', args, { cwd, env: withThisNode() });
  expect(done.code, `npm ${args[0]}: ${done.stdout}${done.stderr}`).toBe(0);
  return done;
}

/** The installed command through its link, as `npx plumb` starts it: by its first line, on the Node of the path. */
function plumb(...args: string[]): Promise<Finished> {
  return run(join(elsewhere, 'node_modules/.bin/plumb'), args, { cwd: elsewhere, env: withThisNode() });
}

function withThisNode(): Record<string, string> {
  return { PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
}

describe('the archive', () => {
  test('holds what runs and what a user reads, and nothing else', () => {
    const tops = new Set(packed.map((file) => file.split('/')[0]));
    const documents = new Set(['LICENSE', 'CHANGELOG.md', 'README.md']);
    expect([...tops].filter((top) => !documents.has(top!)).toSorted()).toEqual([
      'deploy',
      'dist',
      'examples',
      'package.json',
    ]);
    expect(packed).toEqual(expect.arrayContaining(['LICENSE', 'CHANGELOG.md']));
    const programs = [
      'contract',
      'project',
      'registry',
      'sidecar',
      'materializer',
      'training',
      'monitor',
      'catalogue',
      'deploy',
      'loadtest',
      'examples',
    ];
    const built = packed
      .filter((file) => file.startsWith('dist/'))
      .map((file) => file.split('/')[1]!.split('.')[0]);
    expect(new Set(built)).toEqual(new Set(['plumb', 'command-line', 'plumbline', 'packages', ...programs]));
    expect(packed.filter((file) => /-bench|bare-server/.test(file))).toEqual([]);
    expect(packed.filter((file) => /\.test\.|vitest|\/\.plumb\/|\/test\//.test(file))).toEqual([]);
    // TypeScript of the examples' programs would not run here; definitions are read by plumb, which strips them.
    const typed = packed.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
    expect(typed.filter((file) => !/^examples\/[^/]+\/(?:definitions|compute)\//.test(file))).toEqual([]);
    const expected = [
      'dist/plumb.js',
      'dist/contract/wire/log/served.proto',
      'dist/packages/LICENSES.txt',
      'examples/retail/data/online_retail.parquet',
    ];
    expect(packed).toEqual(
      expect.arrayContaining([...expected, 'examples/quickstart/definitions/drivers.yaml']),
    );
  });

  test('the lock file names no host to download from', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    expect(lock.match(/https?:\/\/[^"]*\.tgz|"resolved"/g) ?? []).toEqual([]);
  });
});

describe('the installed package', () => {
  test('has the command', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await plumb('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    const help = await plumb('--help');
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('materialize') });
  });

  test('starts a project that works at once, and git leaves out what programs write', async () => {
    const project = join(elsewhere, 'project');
    const made = await plumb('init', project);
    expect(made.code, made.stderr).toBe(0);
    expect(readFileSync(join(project, '.gitignore'), 'utf8')).toBe('.plumb/\nnode_modules/\n');
    expect(made.stdout).toContain(`Next:\n  cd ${project}\n  npx plumb apply`);
    for (const command of ['apply', 'materialize']) {
      expect(await plumb('-C', project, command)).toMatchObject({ code: 0 });
    }
    const got = await plumb('-C', project, 'get', '--service', 'rank_v1', '--entity', 'driver_id=1001');
    expect(got).toMatchObject({ code: 0, stderr: '' });
    expect(got.stdout).toMatch(/driver_hourly_stats__conv_rate +0\.388 +PRESENT/);
  });

  test.runIf(IS_LONG_RUN)(
    'makes projects whose own install brings it, and whose definitions an editor can check',
    async () => {
      const project = join(elsewhere, 'typed');
      expect(await plumb('init', project)).toMatchObject({ code: 0 });
      const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'));
      expect(dependencies.plumbline).toMatch(/^file:\.\.\/plumbline-serving-.*\.tgz$/);
      await npm(['install', '--package-lock-only', '--prefer-offline', ...QUIET], project);
      const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
      expect(lock.packages['node_modules/plumbline'].name).toBe('plumbline-serving');
      const file = join(project, 'definitions/rides.ts');
      const definition =
        "import { entity, t } from 'plumbline';\nexport const rider = entity('rider', { joinKeys: { id: t.int64() } });\n";
      writeFileSync(file, definition);
      expect(await run(process.execPath, [TSC, '-p', project], { cwd: project })).toMatchObject({
        code: 0,
        stdout: '',
      });
      for (const [right, wrong, words] of [
        ['t.int64()', '7', "Type 'number' is not assignable"],
        ['t.int64()', 't.float64()', `Type '"float64"' is not assignable to type 'KeyType'`],
        [
          "entity('rider'",
          "entity('the rider'",
          'Refused<"names are a letter, then letters, digits and single _">',
        ],
      ] as const) {
        writeFileSync(file, definition.replace(right, wrong));
        const refused = await run(process.execPath, [TSC, '-p', project, '--pretty', 'false'], {
          cwd: project,
        });
        expect(refused.stdout).toContain(words);
      }
      // npx finds the command in the folder above.
      const found = await run('npx', ['plumb', '--version'], { cwd: project, env: withThisNode() });
      expect(found).toMatchObject({ code: 0, stderr: '' });
    },
  );

  test('lets definitions in TypeScript import it by name wherever they lie, with types', async () => {
    const far = mkdtempSync(join(tmpdir(), 'plumb-'));
    try {
      const definitions = `
        import { entity, featureService, featureView, source, t } from 'plumbline';
        const driver = entity('driver', { joinKeys: { driver_id: t.int64() } });
        const rows = source.parquet('rows', { path: 'rows/*.parquet', eventTime: 'at' });
        const speed: unknown = featureView('speed', { entity: driver, source: rows, features: { kmh: t.float64() } });
        export const fast = featureService('fast_v1', [speed as ReturnType<typeof featureView>]);
      `;
      writeFileSync(join(far, 'plumbline.yaml'), 'definitions: ["speed.ts"]\n');
      writeFileSync(join(far, 'speed.ts'), definitions);
      const planned = await plumb('-C', far, '--json', 'plan');
      expect(planned.code, planned.stderr).toBe(0);
      expect(planned.stdout).toContain('fast_v1');

      // An editor finds the types where the package is installed.
      writeFileSync(join(elsewhere, 'speed.ts'), definitions);
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2024',
        '--skipLibCheck',
        'false',
      ];
      const checked = await run(process.execPath, [TSC, ...options, 'speed.ts'], { cwd: elsewhere });
      expect(checked.stdout).toBe('');
      writeFileSync(join(elsewhere, 'speed.ts'), definitions.replace('t.int64()', 't.int46()'));
      const wrong = await run(process.execPath, [TSC, ...options, 'speed.ts'], { cwd: elsewhere });
      expect(wrong.stdout).toContain("'int46'");
    } finally {
      rmSync(far, { recursive: true, force: true });
    }
  });

  test.runIf(IS_LONG_RUN)('its sidecar logs and ships from threads of its own', async () => {
    const project = join(elsewhere, 'shipping');
    for (const args of [
      ['init', project],
      ...[['apply'], ['materialize']].map((c) => ['-C', project, ...c]),
    ]) {
      expect(await plumb(...args)).toMatchObject({ code: 0 });
    }
    const program = join(elsewhere, 'node_modules/plumbline/dist/plumb.js');
    const ids: string[] = [];

    const logging = await serve(project, program);
    // While a sync is under way, the ring's thread writes what is answered.
    await until(async () => {
      await Promise.all(Array.from({ length: 50 }, () => ask(logging, ids)));
      return writtenByThreads(logging.pid) > 50_000;
    }, 'a thread has written frames');
    const logged = await logging.stop();
    expect(logged).toMatchObject({ code: 0 });
    expect(logged.stderr).not.toContain('thread');

    const kafka = await startKafka();
    onTestFinished(() => kafka.stop());
    await makeTopic(kafka.brokers, 'served');
    appendFileSync(
      join(project, 'plumbline.yaml'),
      `log: { kafka: { brokers: "${kafka.brokers.join()}", topic: served } }\n`,
    );
    const shipping = await serve(project, program);
    await ask(shipping, ids);
    // A stop waits for Kafka only as long as its grace, which is short on a busy machine.
    const shippedIds = async (): Promise<string[]> => arrivedIn(await readTopic(kafka.brokers, 'served')).ids;
    await until(
      async () => (await shippedIds()).length >= ids.length,
      'all that was answered is in the topic',
    );
    const shipped = await shipping.stop();
    expect(shipped).toMatchObject({ code: 0 });
    expect(shipped.stderr).not.toContain('thread');
    expect((await shippedIds()).toSorted()).toEqual(ids.toSorted());
  });

  test.runIf(IS_LONG_RUN)('runs the example to its report', async () => {
    const demo = await plumb('--json', 'demo', '--dir', 'demo');
    expect(demo.code, demo.stderr).toBe(0);
    const { snapshot, reportFile } = JSON.parse(demo.stdout);
    expect(snapshot.vectors.read).toBeGreaterThan(1_000);
    expect(reportFile.startsWith(join(elsewhere, 'demo'))).toBe(true);
    expect(readFileSync(reportFile, 'utf8')).toMatch(/^<!doctype html>/i);
    const causes = snapshot.features.flatMap((feature: { causes: object }) => Object.keys(feature.causes));
    expect(new Set(causes).size).toBe(3);
  });
});

/** Asks for one driver's features and notes the request's id once it is answered. */
async function ask(sidecar: Serving, ids: string[]): Promise<void> {
  const id = randomUUID();
  const answered = await fetch(`${sidecar.url}/feature-service/get-online-features`, {
    method: 'POST',
    headers: { 'x-request-id': id },
    body: JSON.stringify({ feature_service: 'rank_v1', entities: { driver_id: [1001] } }),
  });
  expect(answered.status).toBe(200);
  await answered.arrayBuffer();
  ids.push(id);
}

/** @returns the most bytes that any one thread of the process has written, its main thread aside */
function writtenByThreads(pid: number): number {
  const written = readdirSync(`/proc/${pid}/task`)
    .filter((thread) => thread !== String(pid))
    .map((thread) => /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${thread}/io`, 'utf8'))![1]);
  return Math.max(...written.map(Number));
}
