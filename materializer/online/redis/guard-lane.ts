/**
 * A connection of our own to one Redis node that only makes guarded writes: the calls of a batch leave in one write,
 * and of the answers the integers are counted straight from the bytes. No promise, no command object a row: of a fill
 * through the client library two thirds of the time went there (docs/benchmarks/offline.md, "Filling the store").
 *
 *   closed --send()--> greeting (login, database, script) --answered--> open --lost, refused, silent--> closed
 *
 * It stands beside the client, which keeps topology and retries. Whatever goes wrong here is an error of each call that
 * had no answer; the writer sends those again through the client. One batch is under way at a time or several, the
 * answers come in their order.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { NEEDLESS_LOGIN } from '../../../project/connections/redis-connection.ts';
import type { LiveCredentials } from '../../../project/connections/redis-connection.ts';
import { guardCommand, GUARD_SCRIPT } from './guard-script.ts';
import type { GuardedRow } from './guard-script.ts';

const CONNECT_LIMIT_MS = 5_000;
const SILENT_LIMIT_MS = 10_000;
const CHECK_MS = 500;
const FIRST_BYTES = 2 ** 18;
const COLON = 0x3a;
const MINUS = 0x2d;
const CR = 0x0d;
const ZERO = 0x30;

interface LaneNode {
  readonly host: string;
  readonly port: number;
}

interface Batch {
  readonly answers: (number | Error)[];
  readonly size: number;
  readonly tell: (answers: (number | Error)[]) => void;
}

export class GuardLane {
  readonly #node: LaneNode;
  readonly #database: number;
  readonly #credentials: LiveCredentials;
  #socket: Socket | null = null;
  /** Replies of the greeting that are still to come. */
  #greetings = 0;
  #batches: Batch[] = [];
  #out = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** The begun reply that stood at the end of what was received last. */
  #rest: Buffer | null = null;
  #heardMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(node: LaneNode, database: number, credentials: LiveCredentials) {
    this.#node = node;
    this.#database = database;
    this.#credentials = credentials;
  }

  /** @returns for each row, in order, the script's answer, or the error why there is none; never rejects */
  send(rows: readonly GuardedRow[]): Promise<(number | Error)[]> {
    return new Promise((tell) => {
      const socket = this.#socket ?? this.#open();
      if (this.#batches.length === 0) this.#heardMs = performance.now();
      this.#batches.push({ answers: [], size: rows.length, tell });
      socket.write(this.#encode(rows));
    });
  }

  end(): void {
    this.#close(new Error('Connection is closed.'));
  }

  #open(): Socket {
    const { username, password, tls } = this.#credentials;
    const where = { ...this.#node, noDelay: true };
    const socket = tls === undefined ? connect(where) : connectTls({ ...where, ...tls });
    this.#socket = socket;
    this.#rest = null;
    const commands: string[][] = [];
    if (password !== undefined)
      commands.push(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
    if (this.#database !== 0) commands.push(['SELECT', String(this.#database)]);
    commands.push(['SCRIPT', 'LOAD', GUARD_SCRIPT]);
    this.#greetings = commands.length;
    socket.setTimeout(CONNECT_LIMIT_MS, () => {
      if (this.#greetings > 0) socket.destroy(new Error('connect ETIMEDOUT'));
    });
    socket.on('data', (bytes: Buffer) => {
      if (this.#socket === socket) this.#receive(bytes);
    });
    const lost = (error?: Error): void => {
      if (this.#socket === socket) this.#close(error ?? new Error('Connection is closed.'));
    };
    socket.on('error', lost);
    socket.on('close', () => lost());
    socket.write(commands.map(commandText).join(''));
    this.#timer = setInterval(() => this.#look(), CHECK_MS).unref();
    return socket;
  }

  /** @returns bytes that nobody else writes into: the socket may hold them for a while */
  #encode(rows: readonly GuardedRow[]): Buffer {
    let at = 0;
    for (const row of rows) {
      const most = row.key.length * 3 + row.row.length + row.shape.most;
      if (at + most > this.#out.length) this.#grow(at, most);
      at = guardCommand(this.#out, at, row);
    }
    const bytes = this.#out.subarray(0, at);
    // The next batch is about as large.
    this.#out = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, Math.ceil(at * 1.1)));
    return bytes;
  }

  #grow(used: number, more: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, used + more));
    this.#out.copy(larger, 0, 0, used);
    this.#out = larger;
  }

  #receive(received: Buffer): void {
    this.#heardMs = performance.now();
    const bytes = this.#rest === null ? received : Buffer.concat([this.#rest, received]);
    let at = 0;
    while (at < bytes.length) {
      const end = bytes.indexOf(CR, at);
      if (end === -1 || end + 1 >= bytes.length) break;
      // The hash of the loaded script comes as a length and a text of its own line: both are the greeting's.
      if (this.#greetings > 0) {
        if (!this.#greeted(bytes, at, end)) return;
      } else if (!this.#answered(bytes, at, end)) return;
      at = end + 2;
    }
    this.#rest = at === bytes.length ? null : Buffer.from(bytes.subarray(at));
  }

  /** @returns false when the lane is closed */
  #greeted(bytes: Buffer, from: number, to: number): boolean {
    const refusal = bytes[from] === MINUS ? bytes.toString('utf8', from + 1, to) : null;
    if (refusal !== null && !NEEDLESS_LOGIN.test(refusal)) {
      this.#close(new Error(refusal));
      return false;
    }
    if (bytes[from] !== DOLLAR) this.#greetings -= 1;
    return true;
  }

  /** @returns false when the lane is closed */
  #answered(bytes: Buffer, from: number, to: number): boolean {
    const batch = this.#batches[0];
    const kind = bytes[from];
    if (batch === undefined || (kind !== COLON && kind !== MINUS)) {
      this.#close(new Error(`Connection answered what is no answer: ${bytes.toString('latin1', from, to)}`));
      return false;
    }
    batch.answers.push(
      kind === COLON ? digitOf(bytes, from + 1, to) : new Error(bytes.toString('utf8', from + 1, to)),
    );
    if (batch.answers.length === batch.size) {
      this.#batches.shift();
      batch.tell(batch.answers);
    }
    return true;
  }

  #look(): void {
    if (this.#batches.length === 0 || performance.now() - this.#heardMs < SILENT_LIMIT_MS) return;
    this.#close(new Error(`Connection has been silent for ${SILENT_LIMIT_MS / 1_000} s (ETIMEDOUT)`));
  }

  #close(why: Error): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    socket.destroy();
    const batches = this.#batches;
    this.#batches = [];
    for (const { answers, size, tell } of batches) {
      while (answers.length < size) answers.push(why);
      tell(answers);
    }
  }
}

const DOLLAR = 0x24;

function digitOf(bytes: Buffer, from: number, to: number): number {
  return to === from + 1 ? bytes[from]! - ZERO : Number(bytes.toString('latin1', from, to));
}

function commandText(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
