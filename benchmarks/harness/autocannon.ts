/** Autocannon as the client of a closed loop: an independent check of what `closed-loop.ts` says. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './contender.ts';
import type { ClosedLoop, Driver } from './rounds.ts';

const run = promisify(execFile);
const PROGRAM = join(ROOT, 'node_modules', 'autocannon', 'autocannon.js');

interface AutocannonJson {
  readonly requests: { readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly duration: number;
  readonly non2xx: number;
  readonly errors: number;
}

/** Its latencies are whole milliseconds. */
export function sameRequestByAutocannon({ path, body, connections, warmupS, seconds }: ClosedLoop): Driver {
  const shoot = async (port: number, lastsS: number): Promise<AutocannonJson> => {
    const request = ['-m', 'POST', '-H', 'content-type=application/json', '-b', body];
    const url = `http://127.0.0.1:${port}${path}`;
    const args = [PROGRAM, '-j', '-c', String(connections), '-d', String(lastsS), ...request, url];
    const { stdout } = await run(process.execPath, args, { maxBuffer: 16 << 20 });
    return JSON.parse(stdout) as AutocannonJson;
  };
  return async (server) => {
    await shoot(server.port, Math.max(1, Math.round(warmupS)));
    const before = server.cpuSeconds();
    const { requests, latency, duration, non2xx, errors } = await shoot(server.port, seconds);
    const after = server.cpuSeconds();
    if (non2xx + errors > 0) throw new Error(`${non2xx + errors} answers were not 200`);
    const cpuUs = before === null || after === null ? null : ((after - before) * 1e6) / requests.total;
    const perSecond = requests.total / duration;
    return { perSecond, cpuUs, p50Ms: latency.p50, p99Ms: latency.p99, incomplete: 0 };
  };
}
