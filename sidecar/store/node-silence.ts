/**
 * Which Redis nodes do not answer although they are connected: a process that hangs keeps its sockets, and the kernel
 * even accepts new ones for it. While one is silent the store counts as not connected.
 *
 * A read without an answer makes its node silent at once. Every node gets a PING every 5 s, and twice a second while
 * any is silent. Any reply is an answer, even a refusal.
 *
 * Called by redis-rows.ts, which reports failed reads and asks for the state.
 */
import { repeatOutOfStep } from './out-of-step.ts';

const ASK_EVERY_MS = 5_000;
const LOOK_MS = 500;

/** The nodes that reads go to, each with a PING that fails when no answer comes in time. */
export type Pings = () => Iterable<readonly [node: string, ping: () => Promise<unknown>]>;

export class NodeSilence {
  readonly #pings: Pings;
  readonly #silent = new Set<string>();
  readonly #endLooks: () => void;
  /** As if at a random moment before the start: a fleet that starts in step does not ask in step. */
  #askedMs = performance.now() - ASK_EVERY_MS * Math.random();

  constructor(pings: Pings) {
    this.#pings = pings;
    this.#endLooks = repeatOutOfStep(() => this.#look(), LOOK_MS);
  }

  get hasSilentNode(): boolean {
    return this.#silent.size > 0;
  }

  /** A read got no answer from its node. */
  readFailed(node: string): void {
    this.#silent.add(node);
  }

  #look(): void {
    const nowMs = performance.now();
    if (!this.hasSilentNode && nowMs - this.#askedMs < ASK_EVERY_MS) return;
    this.#askedMs = nowMs;
    const pings = new Map(this.#pings());
    // Reads no longer go to a node that left the cluster or lost its place to a replica.
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
    this.#endLooks();
  }
}
