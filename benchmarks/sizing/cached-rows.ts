/** Resident memory by rows in the cache and features of a row: none, half and all of them asked for. */
import { rmSync } from 'node:fs';
import { feastRequest } from '../harness/bench-context.ts';
import { sidecarContender, startServer } from '../harness/contender.ts';
import type { MeasuredServer } from '../harness/contender.ts';
import { makeBenchProject } from '../harness/project.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

const CUSTOMERS = 40_000;
const ROWS_A_REQUEST = 20;
const MIB = 2 ** 20;
const SETTINGS = ['serve.deadlineMs=10000', 'serve.cacheBytes=2GiB', 'serve.cacheEntries=1000000'];

export async function cachedRows(): Promise<Target[]> {
  print(`\nResident memory of the checkout, ${CUSTOMERS} customers asked for once`);
  for (const views of [[10], [50], [10, 10, 10, 10, 10]]) {
    const folder = await makeBenchProject({ views, customers: CUSTOMERS, online: 'sqlite:.plumb/online.db' });
    const server = await startServer(sidecarContender('sidecar', folder, { settings: SETTINGS }));
    try {
      const start = residentOf(server);
      await ask(server, 1, CUSTOMERS / 2);
      const half = residentOf(server);
      await ask(server, CUSTOMERS / 2 + 1, CUSTOMERS);
      const all = residentOf(server);
      const rows = (CUSTOMERS / 2) * views.length;
      print(
        `  ${views.length} views of ${views[0]} features: ${(start / MIB).toFixed(0)} MiB at the start, ` +
          `${(half / MIB).toFixed(0)} and ${(all / MIB).toFixed(0)} MiB; ` +
          `${((all - half) / rows).toFixed(0)} bytes a row of the second half`,
      );
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  // Reported, without a bar.
  return [];
}

function residentOf(server: MeasuredServer): number {
  const bytes = server.residentBytes();
  if (bytes === null) throw new Error('this machine does not tell the memory of a process');
  return bytes;
}

async function ask(server: MeasuredServer, from: number, to: number): Promise<void> {
  for (let first = from; first <= to; first += ROWS_A_REQUEST) {
    const { path, body } = feastRequest(Array.from({ length: ROWS_A_REQUEST }, (_, i) => first + i));
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body });
    const text = await answer.text();
    if (answer.status !== 200 || /NOT_FOUND|INVALID/.test(text))
      throw new Error(`the sidecar answered ${answer.status}: ${text.slice(0, 300)}`);
  }
}
