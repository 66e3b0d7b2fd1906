/**
 * The client of a fault run, in a process of its own: it asks the sidecar at fixed times, whatever becomes of its
 * answers (open loop), and the control at the same moments.
 *
 *   node test/support/faults/fault-client.ts     a FaultJob on stdin; a FaultLine on stdout for each answer;
 *                                                ends with stdin
 *
 * A latency counts from the request's last byte sent to its answer's last byte read. More connections than can be busy,
 * so that a server that stands still delays no later request. Timers, not spinning: it must not take the core that it
 * measures on; what that adds is in the control's latencies too.
 */
import { createInterface } from 'node:readline';
import { HttpConnection } from '../../../loadtest/generator/http-connection.ts';

export interface FaultJob {
  readonly port: number;
  readonly controlPort: number;
  readonly perSecond: number;
  readonly service: string;
  readonly key: string;
  /** Asked for again and again, so that they are cached. */
  readonly hot: readonly number[];
  /** In turn, each once if there are enough. */
  readonly cold: readonly number[];
  /** Ids that have no rows. */
  readonly absent: readonly number[];
}

export interface FaultLine {
  readonly from: 'sidecar' | 'control';
  readonly requestId: string;
  readonly ids: readonly number[];
  /** Milliseconds since the epoch, with fractions. */
  readonly sentMs: number;
  readonly latencyMs: number;
  /** 0: the connection broke, or the run ended without an answer. */
  readonly status: number;
  /** Empty for the control. */
  readonly body: string;
}

const CONNECTIONS = 64;
const LAST_ANSWERS_MS = 2_000;
/** Of so many requests one asks for an entity without rows; the others take turns: hot, cold, both in one. */
const ABSENT_EVERY = 8;

interface Asked {
  readonly requestId: string;
  readonly ids: readonly number[];
  readonly sentMs: number;
}

class Lane {
  readonly #from: FaultLine['from'];
  readonly #connections: HttpConnection[] = [];
  readonly #free: HttpConnection[] = [];
  readonly #waiting: { readonly text: string; readonly asked: Asked }[] = [];
  readonly asked = new Map<HttpConnection, Asked>();

  constructor(from: FaultLine['from'], port: number) {
    this.#from = from;
    for (let i = 0; i < CONNECTIONS; i++) {
      this.#connections.push(
        new HttpConnection(
          { host: '127.0.0.1', port, hostHeader: `127.0.0.1:${port}` },
          {
            onFree: (connection) => this.#onFree(connection),
            onAnswer: (connection, status, answer) => this.#tell(connection, status, answer),
            onLost: (connection) => this.#tell(connection, 0, null),
          },
        ),
      );
    }
  }

  send(text: string, asked: Asked): void {
    const connection = this.#take();
    if (connection === undefined) return void this.#waiting.push({ text, asked });
    this.asked.set(connection, asked);
    connection.send(text, asked.sentMs, asked.sentMs);
  }

  #take(): HttpConnection | undefined {
    for (;;) {
      const connection = this.#free.shift();
      if (connection === undefined) return undefined;
      connection.isListed = false;
      if (connection.isOpen) return connection;
    }
  }

  #onFree(connection: HttpConnection): void {
    if (!connection.isListed) this.#free.push(connection);
    connection.isListed = true;
    const next = this.#waiting.shift();
    if (next !== undefined) this.send(next.text, next.asked);
  }

  #tell(connection: HttpConnection, status: number, answer: Buffer | null): void {
    const asked = this.asked.get(connection);
    if (asked === undefined) return;
    this.asked.delete(connection);
    this.#write(asked, status, answer);
  }

  #write(asked: Asked, status: number, answer: Buffer | null): void {
    const { requestId, ids, sentMs } = asked;
    const body = answer === null || this.#from === 'control' ? '' : bodyOf(answer);
    const latencyMs = performance.timeOrigin + performance.now() - sentMs;
    const line: FaultLine = { from: this.#from, requestId, ids, sentMs, latencyMs, status, body };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }

  /** Tells of what has no answer. */
  giveUp(): void {
    for (const asked of this.asked.values()) this.#write(asked, 0, null);
    for (const { asked } of this.#waiting) this.#write(asked, 0, null);
    for (const connection of this.#connections) connection.close();
  }
}

function bodyOf(answer: Buffer): string {
  return answer.toString('utf8', answer.indexOf('\r\n\r\n') + 4);
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse(((await lines.next()) as IteratorYieldResult<string>).value) as FaultJob;
const sidecar = new Lane('sidecar', job.port);
const control = new Lane('control', job.controlPort);
let next = 0;
let coldest = 0;
let absentest = 0;
const beganMs = performance.now();
const ticking = setInterval(() => {
  const due = ((performance.now() - beganMs) * job.perSecond) / 1_000;
  while (next < due) send(next++);
}, 1);

function send(index: number): void {
  const ids = idsOf(index);
  const requestId = `fault-${index}`;
  const body = JSON.stringify({ feature_service: job.service, entities: { [job.key]: ids } });
  const text = (host: number): string =>
    `POST /feature-service/get-online-features HTTP/1.1\r\nHost: 127.0.0.1:${host}\r\nX-Request-Id: ${requestId}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
  const sentMs = performance.timeOrigin + performance.now();
  sidecar.send(text(job.port), { requestId, ids, sentMs });
  control.send(text(job.controlPort), { requestId, ids, sentMs });
}

function idsOf(index: number): number[] {
  if (index % ABSENT_EVERY === 0) return [job.absent[absentest++ % job.absent.length]!];
  const hot = job.hot[index % job.hot.length]!;
  if (index % 3 === 0) return [hot];
  const cold = job.cold[coldest++ % job.cold.length]!;
  return index % 3 === 1 ? [cold] : [hot, cold];
}

// Its starter wants no more, or is gone.
await lines.next();
clearInterval(ticking);
const limitMs = performance.now() + LAST_ANSWERS_MS;
while ((sidecar.asked.size > 0 || control.asked.size > 0) && performance.now() < limitMs) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
sidecar.giveUp();
control.giveUp();
process.stdout.write('', () => process.exit(0));
