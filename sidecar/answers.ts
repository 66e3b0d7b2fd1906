/**
 * Answers on their way out: those of one event-loop tick are held, logged with one write, and then all leave.
 *
 *   log off     answer leaves at once
 *   written     tick: append, append, ...  ->  end of tick: commit (one write)  ->  all leave
 *   synced      the same, and they leave when the disk has them
 *
 * Trades the wait until the end of the tick for one write a tick instead of one an answer.
 */
import type { ServedRequest } from '../registry/wire/served-record.ts';
import { AnswerBuffer } from './answer-buffer.ts';
import type { Metrics } from './metrics.ts';
import type { Exchange, ReplyHeaders } from './transport/transport.ts';

/** What answers need of the vector log. */
export interface AnswerLog {
  append(request: ServedRequest): boolean;
  commit(): boolean;
  whenSynced(): Promise<boolean>;
}

export const JSON_HEADERS: ReplyHeaders = [['content-type', 'application/json']];

/** Answers an exchange whose vectors could not be logged, under the policy `reject`. */
export type RefuseUnlogged = (exchange: Exchange) => void;

export class Answers {
  readonly #log: AnswerLog | null;
  readonly #synced: boolean;
  readonly #rejects: boolean;
  readonly #metrics: Metrics;
  readonly #refuse: RefuseUnlogged;
  #exchanges: Exchange[] = [];
  #bodies: Buffer[] = [];
  #headers: ReplyHeaders[] = [];
  #routes: string[] = [];
  #startedMs: number[] = [];
  #scheduled = false;
  /** Answers that have not left stand in it. */
  readonly buffer = new AnswerBuffer();

  /** @param log  null: nothing is logged */
  constructor(
    log: AnswerLog | null,
    policy: { readonly durability: string; readonly onFull: string },
    metrics: Metrics,
    refuse: RefuseUnlogged,
  ) {
    this.#log = log;
    this.#synced = policy.durability === 'synced';
    this.#rejects = policy.onFull === 'reject';
    this.#metrics = metrics;
    this.#refuse = refuse;
  }

  get logs(): boolean {
    return this.#log !== null;
  }

  /**
   * @param body    in `buffer`
   * @param served  null only when nothing is logged
   */
  leave(
    exchange: Exchange,
    route: string,
    startedMs: number,
    body: Buffer,
    headers: ReplyHeaders,
    served: ServedRequest | null,
  ): void {
    if (this.#log === null || served === null) {
      this.#send(exchange, route, startedMs, body, headers);
      return this.buffer.reset();
    }
    if (!this.#log.append(served)) {
      this.#refuse(exchange);
      if (!this.#scheduled) this.buffer.reset();
      return;
    }
    this.#exchanges.push(exchange);
    // Synced answers outlive the tick, and with it the buffer.
    this.#bodies.push(this.#synced ? Buffer.from(body) : body);
    this.#headers.push(headers);
    this.#routes.push(route);
    this.#startedMs.push(startedMs);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#endTick);
  }

  readonly #endTick = (): void => {
    this.#scheduled = false;
    const written = this.#log!.commit();
    if (this.#synced && written) this.#whenSynced();
    else this.#sendAll(written || !this.#rejects);
    this.buffer.reset();
  };

  #whenSynced(): void {
    const exchanges = this.#exchanges;
    const [bodies, headers, routes, startedMs] = [this.#bodies, this.#headers, this.#routes, this.#startedMs];
    this.#clear();
    void this.#log!.whenSynced().then((synced) => {
      for (let i = 0; i < exchanges.length; i++) {
        if (synced || !this.#rejects)
          this.#send(exchanges[i]!, routes[i]!, startedMs[i]!, bodies[i]!, headers[i]!);
        else this.#refuse(exchanges[i]!);
      }
    });
  }

  #sendAll(mayLeave: boolean): void {
    for (let i = 0; i < this.#exchanges.length; i++) {
      const exchange = this.#exchanges[i]!;
      if (mayLeave)
        this.#send(exchange, this.#routes[i]!, this.#startedMs[i]!, this.#bodies[i]!, this.#headers[i]!);
      else this.#refuse(exchange);
    }
    this.#clear();
  }

  #clear(): void {
    this.#exchanges = [];
    this.#bodies = [];
    this.#headers = [];
    this.#routes = [];
    this.#startedMs = [];
  }

  #send(exchange: Exchange, route: string, startedMs: number, body: Buffer, headers: ReplyHeaders): void {
    exchange.reply(200, body, headers, false);
    this.#metrics.countRequest(route, 200);
    this.#metrics.observeLatency(performance.now() - startedMs);
  }
}
