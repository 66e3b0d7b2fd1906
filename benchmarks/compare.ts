/**
 * Two builds side by side: the sidecars of two checkouts (or two installed packages) in alternating rounds, a fresh
 * process each, on one project and the same requests.
 *
 *   node benchmarks/compare.ts --a DIR --b DIR [--what cached|cold|uniform|fifty-rows] [--surface native|feast|tensor]
 *        [--customers 100000 --rounds 7 --seconds 3 --rate max|N --json]
 *
 * A difference counts when the rounds of one side all lie on one side of the other's, or nearly; the medians' ratio
 * alone may be noise. Rounds change which side goes first. DIR may hold a build that another Node runs: each is run by
 * the Node of its own node_modules where it has one.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { jobOf } from './harness/bench-context.ts';
import { sidecarContender } from './harness/contender.ts';
import type { Contender } from './harness/contender.ts';
import { makeBenchProject } from './harness/project.ts';
import { startRedis } from './harness/redis/redis-process.ts';
import { print, printHardware, printMeasured, ratios } from './harness/report.ts';
import { alternate, manyRequests } from './harness/rounds.ts';
import type { Measured } from './harness/rounds.ts';
import { PROFILES } from '../loadtest/profiles/profiles.ts';
import { LOAD_SURFACES } from '../loadtest/request/request-text.ts';

const VIEWS = [10, 10, 10, 10, 10];

const { values: flags } = parseArgs({
  options: {
    a: { type: 'string' },
    b: { type: 'string' },
    what: { type: 'string', default: 'cached' },
    surface: { type: 'string', default: 'native' },
    customers: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1.5' },
    connections: { type: 'string', default: '32' },
    rate: { type: 'string', default: 'max' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});

const surface = LOAD_SURFACES.find((name) => name === flags.surface);
if (flags.a === undefined || flags.b === undefined || !PROFILES.has(flags.what) || surface === undefined) {
  process.stderr.write(
    `usage: node benchmarks/compare.ts --a DIR --b DIR [--what ${[...PROFILES.keys()].join('|')}] ` +
      `[--surface ${LOAD_SURFACES.join('|')}]\n`,
  );
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'plumb-compare-'));
const redis = await startRedis(folder);
let project: string | null = null;
try {
  const customers = Number(flags.customers);
  project = await makeBenchProject({ views: VIEWS, customers, online: redis.url });
  const job = jobOf(
    {
      seconds: Number(flags.seconds),
      warmupS: Number(flags.warmup),
      connections: Number(flags.connections),
    },
    {
      profile: flags.what,
      keys: `1..${customers}`,
      surface: surface!,
      perSecond: flags.rate === 'max' ? null : Number(flags.rate),
    },
  );
  const drive = manyRequests({ ...job, rows: PROFILES.get(flags.what)!.rows });
  const [a, b] = [build('A', flags.a!, project), build('B', flags.b!, project)];
  report(
    await alternate(
      [
        { contender: a, drive },
        { contender: b, drive },
      ],
      Number(flags.rounds),
    ),
  );
} finally {
  await redis.stop();
  for (const path of [folder, project]) if (path !== null) rmSync(path, { recursive: true, force: true });
}

/** The sidecar of a checkout (plumb.ts) or of an installed package (dist/plumb.js). */
function build(name: string, directory: string, served: string): Contender {
  const root = resolve(directory);
  const entry = ['plumb.ts', 'dist/plumb.js'].map((file) => join(root, file)).find(existsSync);
  if (entry === undefined)
    throw new Error(`--${name.toLowerCase()}: ${root} has no plumb.ts or dist/plumb.js`);
  const node = join(root, 'node_modules', '.bin', 'node');
  return sidecarContender(`${name}: ${root}`, served, {
    entry,
    program: existsSync(node) ? node : process.execPath,
    settings: flags.set,
  });
}

function report([a, b]: readonly Measured[]): void {
  const { rate, cpu } = ratios(b!, a!);
  if (flags.json) {
    const plain = ({ rounds, median }: Measured) => ({ median, rounds });
    print(JSON.stringify({ a: plain(a!), b: plain(b!), ratio: { rate, cpu } }));
    return;
  }
  printHardware();
  print(`${flags.what}, ${surface} surface, ${flags.rate === 'max' ? 'closed loop' : `${flags.rate}/s`}`);
  printMeasured(a!);
  printMeasured(b!);
  const better = b!.rounds.filter((round, i) => round.perSecond > a!.rounds[i]!.perSecond).length;
  print(`\nB over A: rate ${rate.toFixed(3)}${cpu === null ? '' : `, by server CPU ${cpu.toFixed(3)}`}`);
  print(
    `p99 B over A: ${(b!.median.p99Ms / a!.median.p99Ms).toFixed(3)}; B was faster in ${better} of ${b!.rounds.length} rounds`,
  );
}
