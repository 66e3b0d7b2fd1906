/**
 * The ceiling of the overload benchmark: a bare uWebSockets.js server in the same set-up that answers with the same
 * bytes, spins for as long as the sidecar works for them, and refuses requests by tossing a coin. Several odds of the
 * coin are tried, since nobody knows how much time the refusals leave for answers; the best result is the ceiling.
 * What the sidecar falls short of it is the sidecar's own cost; the rest is sockets, kernel and scheduler.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contenderOn } from '../harness/cores.ts';
import type { Cores } from '../harness/cores.ts';
import { nodeContender, startServer } from '../harness/contender.ts';
import type { Contender, MeasuredServer } from '../harness/contender.ts';
import { SOCKETS, flatOutLoad, load } from '../harness/overload-run.ts';
import { print } from '../harness/report.ts';

const COINS = [0.5, 0.45, 0.4];

interface ControlOptions {
  /** For the answer's bytes. */
  readonly folder: string;
  readonly seconds: number;
  readonly cores: Cores | null;
  readonly launcher: readonly string[];
}

/**
 * @param sidecarUs  the sidecar's processor time for an answer when nothing is refused
 * @returns          in time at twice the capacity, of it, by the best coin
 */
export async function overloadControl(
  answer: Buffer,
  sidecarUs: number,
  { folder, seconds, cores, launcher }: ControlOptions,
): Promise<number> {
  const file = join(folder, 'overload-answer.json');
  writeFileSync(file, answer);
  const server = (workUs: number, accepted: number): Contender => {
    const args = ['benchmarks/contenders/bare-server.ts', file, String(workUs), String(accepted)];
    return contenderOn(cores, nodeContender('bare uWebSockets.js', args));
  };
  const idle = await running(server(0, 1), (one) => flatOutLoad(one, seconds, launcher));
  const workUs = Math.max(0, Math.round(sidecarUs - idle.cpuUs));
  const flatOut = await running(server(workUs, 1), (one) => flatOutLoad(one, seconds, launcher));
  const capacity = flatOut.answered / seconds;
  print(
    `\n  the control, a bare server that works ${workUs} us for each answer and refuses by a coin: ` +
      `capacity ${capacity.toFixed(0)}/s`,
  );
  let best = 0;
  for (const accepted of COINS) {
    const perSecond = 2 * capacity;
    const asked = { perSecond, sockets: SOCKETS, forS: seconds, afterS: 0.5, launcher };
    const over = await running(server(workUs, accepted), (one) => load(one, asked));
    const share = over.answered / seconds / capacity;
    best = Math.max(best, share);
    print(
      `    takes ${accepted * 100} %: in time ${(share * 100).toFixed(1)} % of the capacity, server CPU ` +
        `${over.cpuUs.toFixed(0)} us a 200, waited for a core ${(over.waited * 100).toFixed(0)} % of the time`,
    );
  }
  return best;
}

async function running<T>(contender: Contender, use: (server: MeasuredServer) => Promise<T>): Promise<T> {
  const server = await startServer(contender);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}
