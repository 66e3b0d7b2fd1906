/**
 * How many keys each node of the store has evicted, if the store's user may run INFO. Asked only when a row is absent,
 * at most once a second for each node; an idle sidecar asks nothing.
 */
import { infoField } from '../../contract/wire/online/eviction-mark.ts';
import type { NodeEvictions } from '../../contract/wire/online/eviction-mark.ts';

/** A row that was evicted within this time may still be called MISSING. */
const AGE_MS = 1_000;
/** For how long a node that refused is not asked again. */
const REFUSED_MS = 60_000;

interface Node {
  runId: string | null;
  known: NodeEvictions | null;
  untilMs: number;
  asking: Promise<NodeEvictions | null> | null;
}

export class Evictions {
  readonly #info: (node: string, section: 'server' | 'stats') => Promise<string>;
  readonly #nowMs: () => number;
  readonly #nodes = new Map<string, Node>();

  /**
   * @param info   asks a node for a section of INFO
   * @param nowMs  a monotonic clock
   */
  constructor(
    info: (node: string, section: 'server' | 'stats') => Promise<string>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#info = info;
    this.#nowMs = nowMs;
  }

  /**
   * @returns  null when the node does not tell
   * @throws   what the client says when the node cannot be asked
   */
  of(node: string): Promise<NodeEvictions | null> {
    let entry = this.#nodes.get(node);
    if (entry === undefined) {
      entry = { runId: null, known: null, untilMs: 0, asking: null };
      this.#nodes.set(node, entry);
    }
    if (this.#nowMs() < entry.untilMs) return Promise.resolve(entry.known);
    entry.asking ??= this.#ask(node, entry).finally(() => (entry.asking = null));
    return entry.asking;
  }

  /** To be called after a reconnect: behind the same name there may be another node. */
  forget(): void {
    this.#nodes.clear();
  }

  async #ask(node: string, entry: Node): Promise<NodeEvictions | null> {
    try {
      entry.runId ??= infoField(await this.#info(node, 'server'), 'run_id');
      const evictedKeys = infoField(await this.#info(node, 'stats'), 'evicted_keys');
      entry.untilMs = this.#nowMs() + AGE_MS;
      entry.known =
        entry.runId === null || evictedKeys === null
          ? null
          : { runId: entry.runId, evictedKeys: Number(evictedKeys) };
    } catch (error) {
      if (!/^(NOPERM|ERR)\b/.test((error as Error).message)) throw error;
      entry.untilMs = this.#nowMs() + REFUSED_MS;
      entry.known = null;
    }
    return entry.known;
  }
}
