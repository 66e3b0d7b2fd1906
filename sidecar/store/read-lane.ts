/**
 * A connection of our own to one Redis node that only reads rows: the HMGETs of an event-loop tick leave in one write,
 * replies become strings straight from the bytes that were received. No promise, no command object, no Buffer a value.
 *
 *   closed --open()--> greeting (TLS, login, database, PING) --answered--> open
 *   greeting, open --lost, refused, silent--> closed, resting
 *
 * The client library stands beside it and does everything else: topology, reconnection, all other commands. Whatever
 * goes wrong here (MOVED, ASK, LOADING, NOAUTH, a lost connection, a reply that cannot be read) sends the read to the
 * client. Only the reads of a node that is silent for as long as a command may take fail: it would not answer the
 * client either.
 * Decided in docs/decisions/0005-read-lane.md.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LiveCredentials } from '../../project/connections/redis-connection.ts';
import { NEEDLESS_LOGIN } from '../../project/connections/redis-connection.ts';
import { ReadQueue } from './read-queue.ts';
import type { LaneRead } from './read-queue.ts';
import { RespReader } from './resp-reader.ts';
import type { StoreView } from './store-reader.ts';

/** The longest rest. Each process takes a random share of it, so that a fleet does not come back in step. */
const REST_MS = 500;
const CHECK_MS = 50;
const FIRST_BYTES = 65_536;
const FIELD_BYTES = 10;
const CR = 0x0d;
const LF = 0x0a;

interface LaneAddress {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  /** Read again for each connection; without `tls` it is not encrypted. */
  readonly credentials: Pick<LiveCredentials, 'username' | 'password' | 'tls'>;
}

export interface LaneLimits {
  readonly connectMs: number;
  readonly silentMs: number;
}

export class ReadLane {
  readonly #address: LaneAddress;
  readonly #limits: LaneLimits;
  readonly #onOpen: () => void;
  #socket: Socket | null = null;
  #reader = new RespReader();
  /** Replies of the greeting that are still to come. */
  #greetings = 0;
  #isOpen = false;
  #isEnded = false;
  #restUntilMs = 0;
  #openingMs = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Sent, or about to be. */
  #reads = new ReadQueue();
  #out = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #outBytes = 0;
  #flushes = false;

  /** @param onOpen  called when it has connected: what was known of the node may not hold any more */
  constructor(address: LaneAddress, limits: LaneLimits, onOpen: () => void) {
    this.#address = address;
    this.#limits = limits;
    this.#onOpen = onOpen;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens the lane, unless it is open, opening, or resting after a fault. */
  open(): void {
    if (this.#socket !== null || this.#isEnded || performance.now() < this.#restUntilMs) return;
    const { database, credentials } = this.#address;
    const { username, password } = credentials;
    const reader = new RespReader();
    const socket = this.#connect(reader);
    this.#socket = socket;
    this.#reader = reader;
    this.#openingMs = performance.now();
    const lost = (): void => {
      if (this.#socket === socket) this.#close(null);
    };
    socket.on('error', lost);
    socket.on('close', lost);
    socket.unref();
    const commands: string[][] = [];
    if (password !== undefined)
      commands.push(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
    if (database !== 0) commands.push(['SELECT', String(database)]);
    commands.push(['PING']);
    this.#greetings = commands.length;
    socket.write(commands.map(commandText).join(''));
    this.#timer = setInterval(() => this.#look(), CHECK_MS).unref();
  }

  /** Plain bytes are received straight into the reader; decrypted ones are copied there. */
  #connect(reader: RespReader): Socket {
    const { host, port, credentials } = this.#address;
    const { tls } = credentials;
    const received = (bytes: number): void => {
      if (this.#reader === reader) this.#receive(bytes);
    };
    if (tls === undefined) {
      const onread = { buffer: () => reader.room(), callback: (bytes: number) => (received(bytes), true) };
      return connect({ host, port, noDelay: true, onread });
    }
    const socket = connectTls({ host, port, ...tls }).setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      for (let from = 0; from < bytes.length;) {
        const count = bytes.copy(reader.room(), 0, from);
        from += count;
        received(count);
      }
    });
    return socket;
  }

  /** Only while it is open. */
  read(read: LaneRead): void {
    this.#put(read.key, read.views);
    this.#reads.push(read, performance.now());
    if (this.#flushes) return;
    this.#flushes = true;
    setImmediate(this.#flush);
  }

  end(): void {
    this.#isEnded = true;
    this.#close(null);
  }

  #put(key: string, views: readonly StoreView[]): void {
    const head = `*${views.length + 2}\r\n$5\r\nHMGET\r\n$${Buffer.byteLength(key)}\r\n`;
    const most = head.length + key.length * 3 + 2 + views.length * FIELD_BYTES;
    if (this.#outBytes + most > this.#out.length) this.#grow(most);
    const out = this.#out;
    let at = this.#outBytes;
    at += out.write(head, at, 'latin1');
    at += out.write(key, at);
    out[at++] = CR;
    out[at++] = LF;
    for (let v = 0; v < views.length; v++) {
      const { field } = views[v]!;
      at += out.write('$4\r\n', at, 'latin1');
      for (let b = 0; b < 4; b++) out[at++] = field[b]!;
      out[at++] = CR;
      out[at++] = LF;
    }
    this.#outBytes = at;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#outBytes + bytes));
    this.#out.copy(larger, 0, 0, this.#outBytes);
    this.#out = larger;
  }

  readonly #flush = (): void => {
    this.#flushes = false;
    const socket = this.#socket;
    const bytes = this.#outBytes;
    this.#outBytes = 0;
    if (socket === null || !this.#isOpen || bytes === 0) return;
    socket.write(this.#out.subarray(0, bytes));
    // The kernel has not taken all of the buffer yet.
    if (socket.writableLength > 0) this.#out = Buffer.allocUnsafeSlow(FIRST_BYTES);
  };

  #receive(bytes: number): void {
    this.#reader.received(bytes);
    while (this.#socket !== null && this.#reader.hasMore) {
      if (!(this.#isOpen ? this.#readNext() : this.#readGreeting())) return;
    }
  }

  /** @returns false when there is nothing whole to read */
  #readGreeting(): boolean {
    const state = this.#reader.line();
    const isNeedless = state === 'refused' && NEEDLESS_LOGIN.test(this.#reader.refusal);
    if (state !== 'whole' && !isNeedless) {
      if (state !== 'begun') this.#close(null);
      return false;
    }
    this.#greetings -= 1;
    if (this.#greetings > 0) return true;
    this.#isOpen = true;
    this.#onOpen();
    return true;
  }

  /** @returns false when there is nothing whole to read */
  #readNext(): boolean {
    const read = this.#reads.first;
    const rows: (string | null)[] = [];
    if (read === null) {
      // A reply without a request.
      this.#close(null);
      return false;
    }
    const state = this.#reader.rows(read.views.length, read, rows);
    if (state === 'begun') return false;
    // Slots that move and a key that is no hash concern one read; any other refusal concerns the connection, and the
    // client is left to deal with it.
    if (state !== 'whole' && !(state === 'refused' && isOfOneRead(this.#reader.refusal))) {
      this.#close(null);
      return false;
    }
    this.#reads.shift();
    if (state === 'whole') read.onRows(rows);
    else read.onLost();
    return true;
  }

  /** Looks whether the node is silent, after a busy event loop had the chance to read what has arrived. */
  #look(): void {
    const nowMs = performance.now();
    if (!this.#isOpen) {
      if (nowMs - this.#openingMs > this.#limits.connectMs) this.#close(null);
      return;
    }
    const read = this.#reads.first;
    if (read === null || nowMs - this.#reads.firstSentMs <= this.#limits.silentMs) return;
    setImmediate(() => {
      if (this.#reads.first !== read) return;
      this.#close(new Error(`the node has been silent for ${this.#limits.silentMs} ms`));
    });
  }

  /** @param silence  null: the reads go to the client */
  #close(silence: Error | null): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#isOpen = false;
    this.#greetings = 0;
    this.#outBytes = 0;
    this.#restUntilMs = performance.now() + REST_MS * (0.5 + Math.random() / 2);
    if (this.#timer !== null) clearInterval(this.#timer);
    socket.destroy();
    const reads = this.#reads;
    this.#reads = new ReadQueue();
    for (let read = reads.shift(); read !== null; read = reads.shift()) {
      if (silence === null) read.onLost();
      else read.onSilent(silence);
    }
  }
}

function isOfOneRead(refusal: string): boolean {
  return /^(?:MOVED|ASK|WRONGTYPE) /.test(refusal);
}

function commandText(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
