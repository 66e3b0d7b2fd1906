/**
 * Memory: 100,000 customers with ten doubles each, all of them cached; of the package, as it is deployed, and of the
 * checkout, where Node's own stripping of types takes some 40 MiB.
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { feastRequest } from '../harness/bench-context.ts';
import { ROOT, sidecarContender, startServer } from '../harness/contender.ts';
import type { MeasuredServer } from '../harness/contender.ts';
import { makeBenchProject } from '../harness/project.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const CUSTOMERS = 100_000;
const FEATURES = 10;
const ROWS_A_REQUEST = 20;
const MIB = 2 ** 20;
const TARGET_MIB = 200;

export async function cachedMemory(): Promise<Target[]> {
  const online = 'sqlite:.plumb/online.db';
  const project = await makeBenchProject({ views: [FEATURES], customers: CUSTOMERS, online });
  print(`\nMemory: ${CUSTOMERS} rows of ${FEATURES} float64 cached`);
  buildPackage();
  try {
    await fill(project, 'the checkout', join(ROOT, 'plumb.ts'));
    return await fill(project, 'the package', join(ROOT, 'dist', 'plumb.js'));
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** What is deployed, in `dist`. */
export function buildPackage(): void {
  const built = spawnSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs')], { stdio: 'inherit' });
  if (built.status !== 0) throw new Error('the package could not be built');
}

async function fill(project: string, name: string, entry: string): Promise<Target[]> {
  const settings = ['serve.deadlineMs=10000', 'serve.cacheBytes=1GiB'];
  const server = await startServer(sidecarContender(name, project, { settings, entry }));
  try {
    const before = server.residentBytes();
    for (let from = 1; from <= CUSTOMERS; from += ROWS_A_REQUEST) await requestAll(server, from);
    const after = server.residentBytes();
    const cached = await gauge(server, 'plumbline_cache_entities');
    const counted = await gauge(server, 'plumbline_cache_bytes');
    if (before === null || after === null) {
      print('  this machine does not tell the memory of a process');
      return [];
    }
    const [startMib, fullMib] = [before / MIB, after / MIB];
    print(
      `  ${name}: resident ${startMib.toFixed(0)} MiB at the start, ${fullMib.toFixed(0)} MiB with ${cached} entities, ` +
        `of which the cache counts ${(counted / MIB).toFixed(0)} MiB`,
    );
    if (cached < CUSTOMERS) print('  not all are cached: the figure says too little');
    return [
      { what: `resident memory of ${name}`, reached: fullMib, wanted: TARGET_MIB, unit: 'MiB', atMost: true },
    ];
  } finally {
    await server.stop();
  }
}

async function requestAll(server: MeasuredServer, from: number): Promise<void> {
  const { path, body } = feastRequest(Array.from({ length: ROWS_A_REQUEST }, (_, i) => from + i));
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body });
  const text = await answer.text();
  if (answer.status !== 200 || text.includes('NOT_FOUND') || text.includes('INVALID')) {
    throw new Error(`the sidecar answered ${answer.status}: ${text.slice(0, 300)}`);
  }
}

async function gauge(server: MeasuredServer, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1]);
}
