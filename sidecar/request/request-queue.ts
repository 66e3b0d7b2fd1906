/**
 * Requests that were read and wait for their turn: first in, first out, bounded by bytes. Filled within one poll of the
 * sockets, emptied between polls; empty nearly always. Owned by admission.ts.
 *
 * Their bodies stand in one memory that is used again and again, each in one piece:
 *
 *   |      | oldest | body | youngest |      |        | youngest |      | oldest | body | no room for the next |
 *
 * Rejected: a Buffer for each body. Under overload most requests are refused with their body unread, and for these
 * Buffers the garbage collector went through the whole heap again and again.
 */
import type { Exchange } from '../transport/transport.ts';

const MAX_BYTES = 16 * 2 ** 20;
/** What a request takes besides its body: its exchange, its head and the connection's own state. */
const REQUEST_BYTES = 1_024;
/** How many places at the front may be empty before the lists are cut. */
const MAX_SPENT = 1_024;
const FIRST_BYTES = 64 * 1_024;
/** Memory beyond this is released once nobody waits. */
const KEPT_BYTES = 2 ** 20;
const NO_MEMORY = Buffer.alloc(0);

export class RequestQueue {
  readonly #exchanges: Exchange[] = [];
  readonly #lengths: number[] = [];
  /** Where each body stands in the memory. */
  readonly #starts: number[] = [];
  #memory: Buffer = NO_MEMORY;
  /** Behind the youngest body. */
  #end = 0;
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
    const start = this.#placeOf(body.length);
    body.copy(this.#memory, start);
    this.#exchanges.push(exchange);
    this.#lengths.push(body.length);
    this.#starts.push(start);
    this.#end = endOf(start, body.length);
    this.#bytes += bytes;
    return true;
  }

  /** @param index  from the oldest one on */
  at(index: number): Exchange {
    return this.#exchanges[this.#first + index]!;
  }

  /** The oldest one's body, valid until the next push. */
  get body(): Buffer {
    const start = this.#starts[this.#first]!;
    return this.#memory.subarray(start, start + this.#lengths[this.#first]!);
  }

  /** Takes the oldest one away; not to be called of an empty queue. */
  shift(): Exchange {
    const exchange = this.#exchanges[this.#first]!;
    this.#bytes -= this.#lengths[this.#first]! + REQUEST_BYTES;
    this.#first += 1;
    if (this.#first === this.#exchanges.length || this.#first === MAX_SPENT) this.#giveBack();
    return exchange;
  }

  #giveBack(): void {
    this.#exchanges.splice(0, this.#first);
    this.#lengths.splice(0, this.#first);
    this.#starts.splice(0, this.#first);
    this.#first = 0;
    if (this.length > 0) return;
    this.#end = 0;
    if (this.#memory.length > KEPT_BYTES) this.#memory = NO_MEMORY;
  }

  /** @returns where a body of that length stands in one piece; the memory has grown where it must */
  #placeOf(length: number): number {
    const end = this.#end;
    const oldest = this.length === 0 ? 0 : this.#starts[this.#first]!;
    const wraps = end < oldest;
    if (endOf(end, length) <= (wraps ? oldest - 1 : this.#memory.length)) return end;
    if (!wraps && endOf(0, length) < oldest) return 0;
    this.#grow(length);
    return this.#end;
  }

  /** Into a memory of at least twice the bytes, from its front on. */
  #grow(length: number): void {
    const old = this.#memory;
    let at = 0;
    const places = this.#lengths.map((bytes, i) => {
      const start = at;
      if (i >= this.#first) at = endOf(start, bytes);
      return start;
    });
    this.#memory = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, old.length * 2, endOf(at, length)));
    for (let i = this.#first; i < places.length; i++) {
      const from = this.#starts[i]!;
      old.copy(this.#memory, places[i], from, from + this.#lengths[i]!);
      this.#starts[i] = places[i]!;
    }
    this.#end = at;
  }
}

/**
 * An empty body takes a byte, too: where the youngest ends and the oldest begins is then one place only when none
 * waits.
 */
function endOf(start: number, length: number): number {
  return start + Math.max(1, length);
}
