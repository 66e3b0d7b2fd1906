/**
 * Feast's feature servers as contenders: the same views and doubles in the same Redis. Python's runs in the Python
 * environment of the tests with other ecosystems' clients, or in another one that has `feast[redis]`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, ROOT } from '../harness/contender.ts';
import type { Contender } from '../harness/contender.ts';
import { BENCH_ENTITY, BENCH_KEY, BENCH_SERVICE, featureNames } from '../harness/project.ts';

const ENVIRONMENT = join(ROOT, '.cache', 'python-clients');

interface FeastOptions {
  /** Where its repository is made. */
  readonly folder: string;
  readonly redisPort: number;
  /** Features of each view. */
  readonly views: readonly number[];
  readonly customers: number;
  /** A folder with bin/python and bin/feast; null: the environment of `npm run test:clients`. */
  readonly environment: string | null;
}

/** Fills Feast's online store. @throws Error with one sentence when there is no such environment */
export async function feastContender(options: FeastOptions): Promise<Contender> {
  await fillFeast(options);
  const port = await freePort();
  const args = ['-c', options.folder, 'serve', '--port', String(port), '--no-access-log'];
  return {
    name: "Feast's Python feature server, one worker",
    program: feastProgram(options.environment, 'feast'),
    args,
    port,
    spool: null,
    healthPath: '/health',
  };
}

/**
 * Feast's Go feature server, over the store that Python filled.
 *
 * @param program  built from Feast's repository: docs/benchmarks/sidecar.md says how
 */
export async function feastGoContender(options: FeastOptions, program: string): Promise<Contender> {
  await fillFeast(options);
  const [port, metricsPort] = [await freePort(), await freePort()];
  const args = ['-type', 'http', '-chdir', options.folder, '-host', '127.0.0.1'];
  args.push('-port', String(port), '-metrics-port', String(metricsPort));
  return { name: "Feast's Go feature server", program, args, port, spool: null, healthPath: '/health' };
}

async function fillFeast(options: FeastOptions): Promise<void> {
  const { folder, views, customers, redisPort } = options;
  feastProgram(options.environment, 'feast');
  const lines = [
    'project: bench',
    'provider: local',
    'registry: registry.db',
    'entity_key_serialization_version: 3',
    'online_store:',
    '  type: redis',
    `  connection_string: "127.0.0.1:${redisPort}"`,
  ];
  writeFileSync(join(folder, 'feature_store.yaml'), `${lines.join('\n')}\n`);
  await runPython(feastProgram(options.environment, 'python'), {
    folder,
    service: BENCH_SERVICE,
    entity: BENCH_ENTITY,
    key: BENCH_KEY,
    views: featureNames(views),
    customers,
  });
}

/** @throws Error with one sentence when there is no such environment */
export function feastProgram(environment: string | null, program: 'feast' | 'python'): string {
  const folder = environment ?? ENVIRONMENT;
  if (!existsSync(join(folder, 'bin', 'feast'))) {
    throw new Error(
      `There is no Feast in ${folder}: run \`npm run test:clients\` once, which installs it, or name an ` +
        'environment that has feast[redis] with --feast-env DIR.',
    );
  }
  return join(folder, 'bin', program);
}

async function runPython(python: string, job: unknown): Promise<void> {
  const script = join(import.meta.dirname, 'feast_fill.py');
  const env = { ...process.env, PYTHONWARNINGS: 'ignore', TQDM_DISABLE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(python, [script], { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-3_000)));
  child.stdin.end(JSON.stringify(job));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`Feast's store could not be filled:\n${said}`);
}
