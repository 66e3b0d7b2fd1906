/**
 * Which nodes of the store do not answer although they are connected: a process that hangs keeps its sockets, and the
 * kernel even accepts new ones for it. A read without an answer is noticed at once; a node that is not read gets a PING
 * every 5 s, and a silent one twice a second until it answers. Any reply is an answer, even a refusal.
 *
 * Called by redis-rows.ts.
 */
const ASK_EVERY_MS = 5_000;
const LOOK_MS = 500;

/** The nodes that are connected, each with a PING that fails when no answer comes. */
export type Pings = () => Iterable<readonly [node: string, ping: () => Promise<unknown>]>;

export class NodeSilence {
  readonly #pings: Pings;
  readonly #silent = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #askedMs = performance.now();

  constructor(pings: Pings) {
    this.#pings = pings;
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Whether some node does not answer. */
  get isThere(): boolean {
    return this.#silent.size > 0;
  }

  /** A read of a node got no answer. */
  met(node: string): void {
    this.#silent.add(node);
  }

  #look(): void {
    const nowMs = performance.now();
    if (!this.isThere && nowMs - this.#askedMs < ASK_EVERY_MS) return;
    this.#askedMs = nowMs;
    const pings = new Map(this.#pings());
    for (const node of this.#silent) if (!pings.has(node)) this.#silent.delete(node);
    for (const [node, ping] of pings) void this.#ask(node, ping);
  }

  async #ask(node: string, ping: () => Promise<unknown>): Promise<void> {
    try {
      await ping();
      this.#silent.delete(node);
    } catch (error) {
      if ((error as Error).name === 'ReplyError') this.#silent.delete(node);
      else this.#silent.add(node);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
