/**
 * Requests that were read and wait for their turn: first in, first out, bounded by bytes. Filled within one poll of the
 * sockets, emptied between polls; empty nearly always. Owned by admission.ts.
 */
import type { Exchange } from './transport/transport.ts';

const MAX_BYTES = 16 * 2 ** 20;
/** What a request takes beside its body: its exchange, its head and the connection's own state. */
const REQUEST_BYTES = 1_024;
/** So many places in front are empty before they are given back. */
const MAX_SPENT = 1_024;

export class RequestQueue {
  readonly #exchanges: Exchange[] = [];
  readonly #bodies: Buffer[] = [];
  #first = 0;
  #bytes = 0;

  get length(): number {
    return this.#exchanges.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * @param body  copied: it is valid during the call only
   * @returns     false when there is no room
   */
  push(exchange: Exchange, body: Buffer): boolean {
    const bytes = body.length + REQUEST_BYTES;
    if (this.#bytes + bytes > MAX_BYTES) return false;
    this.#exchanges.push(exchange);
    this.#bodies.push(Buffer.from(body));
    this.#bytes += bytes;
    return true;
  }

  /** @param index  from the oldest one on */
  at(index: number): Exchange {
    return this.#exchanges[this.#first + index]!;
  }

  /** The oldest one's body. */
  get body(): Buffer {
    return this.#bodies[this.#first]!;
  }

  /** Takes the oldest one away; not to be called of an empty queue. */
  shift(): Exchange {
    const exchange = this.#exchanges[this.#first]!;
    this.#bytes -= this.body.length + REQUEST_BYTES;
    this.#first += 1;
    if (this.#first === this.#exchanges.length || this.#first === MAX_SPENT) this.#giveBack();
    return exchange;
  }

  #giveBack(): void {
    this.#exchanges.splice(0, this.#first);
    this.#bodies.splice(0, this.#first);
    this.#first = 0;
  }
}
