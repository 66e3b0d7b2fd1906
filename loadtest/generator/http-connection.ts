/**
 * One keep-alive HTTP/1.1 connection that sends a request, waits for the whole answer and is then free again: no
 * pipelining. A raw socket, because a client library costs more than the answer that is measured. Owned by the
 * open-loop generator.
 *
 *   connecting -> free -> busy -> free ...        an error or the server's close leads back to connecting
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { LoadTarget } from '../request/target.ts';

/** Timers are for trouble only; nothing on the way of a good answer waits for one. */
const RECONNECT_MS = 10;
const HEAD_END = Buffer.from('\r\n\r\n');
const MAX_HEAD_BYTES = 16_384;
const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

interface ConnectionEvents {
  /** A connection is ready to send: at first, and again after each answer. */
  onFree(connection: HttpConnection): void;
  /** @param answer  head and body */
  onAnswer(connection: HttpConnection, status: number, answer: Buffer): void;
  /** The connection broke under a request. */
  onLost(connection: HttpConnection): void;
}

export class HttpConnection {
  /** When the request under way was meant to start; -1: none is. */
  intendedNs = -1;
  sentNs = 0;
  /** Whether requests can be written. */
  isOpen = false;
  /** For its owner: whether it stands in the list of the free ones. */
  isListed = false;
  readonly #target: LoadTarget;
  readonly #events: ConnectionEvents;
  #socket: Socket;
  #parts: Buffer[] = [];
  /** Bytes of the answer that are still to come; -1: its head is not known yet. */
  #left = -1;
  /** Its length is not known before its last chunk: Go's server answers so. */
  #isChunked = false;
  #status = 0;
  #closed = false;

  constructor(target: LoadTarget, events: ConnectionEvents) {
    this.#target = target;
    this.#events = events;
    this.#socket = this.#open();
  }

  send(request: string, intendedNs: number, sentNs: number): void {
    this.intendedNs = intendedNs;
    this.sentNs = sentNs;
    this.#socket.write(request);
  }

  /** Gives the request under way up and starts anew. */
  abandon(): void {
    this.#socket.destroy();
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #open(): Socket {
    const socket = connect({ ...this.#target });
    socket.setNoDelay(true);
    socket.on('connect', () => {
      this.isOpen = true;
      this.#events.onFree(this);
    });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    // What went wrong shows in the close that follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isOpen = false;
      if (this.#closed) return;
      this.#parts = [];
      this.#left = -1;
      this.#isChunked = false;
      if (this.intendedNs !== -1) this.#events.onLost(this);
      this.intendedNs = -1;
      setTimeout(() => {
        if (!this.#closed) this.#socket = this.#open();
      }, RECONNECT_MS);
    });
    return socket;
  }

  #take(chunk: Buffer): void {
    if (this.intendedNs === -1) {
      this.#socket.destroy();
      return;
    }
    this.#parts.push(chunk);
    if (this.#left === -1) {
      if (!this.#readHead()) return;
    } else this.#left -= chunk.length;
    if (this.#isChunked ? !this.#hasLastChunk() : this.#left > 0) return;
    const answer = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#left = -1;
    this.#isChunked = false;
    this.#events.onAnswer(this, this.#status, answer);
    this.intendedNs = -1;
    this.#events.onFree(this);
  }

  /** Whether an answer in chunks ends here: JSON never holds what its last chunk looks like. */
  #hasLastChunk(): boolean {
    const last = this.#parts.at(-1)!;
    const tail = last.length >= LAST_CHUNK.length ? last : Buffer.concat(this.#parts);
    return tail.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  }

  /** @returns whether the head is whole, and `#left` known */
  #readHead(): boolean {
    const got = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const end = got.indexOf(HEAD_END);
    if (end === -1) {
      if (got.length > MAX_HEAD_BYTES) this.#socket.destroy();
      return false;
    }
    this.#status = Number(got.toString('latin1', 9, 12));
    this.#isChunked = CHUNKED.test(got.toString('latin1', 0, end));
    if (this.#isChunked) {
      this.#left = 0;
      return true;
    }
    const length = lengthOf(got, end);
    if (length === -1) {
      this.#socket.destroy();
      return false;
    }
    this.#left = end + HEAD_END.length + length - got.length;
    return true;
  }
}

/** @returns the Content-Length of a head that ends at `end`; -1: it has none */
function lengthOf(answer: Buffer, end: number): number {
  const found = /\r\ncontent-length: *(\d+)/i.exec(answer.toString('latin1', 0, end));
  return found === null ? -1 : Number(found[1]);
}
