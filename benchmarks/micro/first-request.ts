/**
 * How long the first requests of a fresh sidecar take: of one checkout, or of two in alternating rounds, e.g. with and
 * without a change of what is warm when the port opens. One connection, one request after the other, 50 doubles in 5
 * views, the embedded store. By the clock, so a busy machine shows mostly itself: compare medians of one run.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/first-request.ts
 *        [--a DIR --b DIR --rounds 7 --set SETTING]
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT, sidecarContender, startServer } from '../harness/contender.ts';
import type { Contender } from '../harness/contender.ts';
import { BENCH_KEY, BENCH_SERVICE, makeBenchProject } from '../harness/project.ts';
import { print, printHardware } from '../harness/report.ts';
import { median } from '../harness/median.ts';

const SHOWN = [1, 2, 20];
const REQUESTS = Math.max(...SHOWN);
const BODY = JSON.stringify({ feature_service: BENCH_SERVICE, entities: { [BENCH_KEY]: [1] } });
/** The last field of every native answer. */
const END = 'oldest_age_ms';

const { values: flags } = parseArgs({
  options: {
    a: { type: 'string', default: ROOT },
    b: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const project = await makeBenchProject({
  views: [10, 10, 10, 10, 10],
  customers: 1,
  online: 'sqlite:.plumb/online.db',
});
try {
  const contenders = [flags.a, ...(flags.b === undefined ? [] : [flags.b])].map((directory) =>
    sidecarContender(directory, project, {
      entry: join(resolve(directory), 'plumb.ts'),
      settings: flags.set,
    }),
  );
  printHardware();
  const found = contenders.map((): number[][] => []);
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const [c, contender] of contenders.entries()) found[c]!.push(await firstRequests(contender));
  }
  for (const [c, { name }] of contenders.entries()) {
    print(name);
    for (const nth of SHOWN) {
      const all = found[c]!.map((times) => times[nth - 1]!);
      print(`  request ${nth}: ${median(all).toFixed(2)} ms (${all.map((ms) => ms.toFixed(2)).join(', ')})`);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}

/** @returns the milliseconds of each request, in order */
async function firstRequests(contender: Contender): Promise<number[]> {
  const server = await startServer(contender);
  const socket = connect(server.port, '127.0.0.1').setNoDelay().setEncoding('utf8');
  try {
    await once(socket, 'connect');
    const head = `POST /feature-service/get-online-features HTTP/1.1\r\nHost: localhost\r\nx-deadline-ms: 5000`;
    const times: number[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      const startMs = performance.now();
      socket.write(`${head}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`);
      let answer = '';
      while (!answer.includes(END)) answer += ((await once(socket, 'data')) as [string])[0];
      times.push(performance.now() - startMs);
    }
    return times;
  } finally {
    socket.destroy();
    await server.stop();
  }
}
