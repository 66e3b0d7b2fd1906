/**
 * What a Redis evicts, and what its settings let it evict: the counts of its nodes, the marks beside the markers that
 * say what the counts were when a view's rows were last written in full, and warnings about settings. Uses INFO and
 * CONFIG GET, which a user may be forbidden: then nothing is known, and no warning given.
 */
import {
  evictionField,
  formatEvictionMark,
  infoField,
  parseEvictionMark,
} from '../../../contract/wire/online/eviction-mark.ts';
import type { EvictionMark, NodeEvictions } from '../../../contract/wire/online/eviction-mark.ts';

interface EvictionClient {
  hget(key: string, field: string): Promise<string | null>;
  hset(key: string, field: string, value: string): Promise<unknown>;
}

/** One node: the `Redis` of ioredis, single or of a cluster. */
interface EvictingNode {
  info(section: string): Promise<string>;
  config(command: 'GET', name: string): Promise<unknown>;
}

/** One group of rows: its marker hash, and the nodes that its rows are on. */
export interface EvictionGroup {
  readonly markerKey: string;
  readonly nodes: readonly EvictingNode[];
}

export class StoreEvictions {
  readonly #client: EvictionClient;
  readonly #groups: () => readonly EvictionGroup[];
  readonly #failed: (error: unknown) => Error;

  /**
   * @param client  fails with an error for people
   * @param groups  as the nodes are now, in the order of `MarkerState`
   * @param failed  makes of a node's error one for people
   */
  constructor(
    client: EvictionClient,
    groups: () => readonly EvictionGroup[],
    failed: (error: unknown) => Error,
  ) {
    this.#client = client;
    this.#groups = groups;
    this.#failed = failed;
  }

  /** @returns for each group what its nodes count; null: they do not tell */
  async counts(): Promise<readonly (readonly NodeEvictions[])[] | null> {
    const groups = this.#groups();
    const byNode = new Map<EvictingNode, NodeEvictions>();
    for (const node of new Set(groups.flatMap(({ nodes }) => nodes))) {
      const [server, stats] = await Promise.all([
        this.#ifAllowed(node.info('server')),
        this.#ifAllowed(node.info('stats')),
      ]);
      const runId = infoField(server ?? '', 'run_id');
      const evicted = infoField(stats ?? '', 'evicted_keys');
      if (runId === null || evicted === null) return null;
      byNode.set(node, { runId, evictedKeys: Number(evicted) });
    }
    return groups.map(({ nodes }) => nodes.map((node) => byNode.get(node)!));
  }

  /** @returns for each group the view's mark; null: it has none */
  marks(view: string): Promise<(EvictionMark | null)[]> {
    return Promise.all(
      this.#groups().map(async ({ markerKey }) => {
        const text = await this.#client.hget(markerKey, evictionField(view));
        return text === null ? null : parseEvictionMark(text);
      }),
    );
  }

  /** @param marks  for each group; null leaves what is there */
  async keep(view: string, marks: readonly (EvictionMark | null)[]): Promise<void> {
    await Promise.all(
      this.#groups().map(async ({ markerKey }, i) => {
        const mark = marks[i] ?? null;
        if (mark !== null) await this.#client.hset(markerKey, evictionField(view), formatEvictionMark(mark));
      }),
    );
  }

  /** @returns a sentence when the store may evict rows; null when not, or when it does not tell */
  async policyWarning(): Promise<string | null> {
    const node = this.#anyNode();
    const memory = node === null ? null : await this.#ifAllowed(node.info('memory'));
    const policy = infoField(memory ?? '', 'maxmemory_policy') ?? 'noeviction';
    const limit = Number(infoField(memory ?? '', 'maxmemory') ?? 0);
    if (limit === 0 || policy === 'noeviction') return null;
    return (
      `the online store has maxmemory-policy ${policy}: when its ${Math.round(limit / 2 ** 20)} MiB are full it evicts ` +
      'rows, which are then UNAVAILABLE until the next run has written all of them again; set it to noeviction'
    );
  }

  /** @returns a sentence when rows of such a size cost more memory than they need; null when not, or not known */
  async listpackWarning(view: string, rowBytes: number): Promise<string | null> {
    const names = ['hash-max-listpack-value', 'hash-max-ziplist-value'];
    const node = this.#anyNode();
    if (node === null) return null;
    for (const name of names) {
      const reply = (await this.#ifAllowed(node.config('GET', name))) as string[] | null;
      const limit = Number(reply?.[1] ?? Number.NaN);
      if (!Number.isFinite(limit)) continue;
      if (rowBytes <= limit) return null;
      return (
        `rows of ${view} have up to ${rowBytes} bytes, and ${name} is ${limit}: above it Redis takes about half as much ` +
        `memory again for an entity; CONFIG SET ${name} 1024 before the rows are written`
      );
    }
    return null;
  }

  /** @returns null while no node is known for any slot */
  #anyNode(): EvictingNode | null {
    return this.#groups().find(({ nodes }) => nodes.length > 0)?.nodes[0] ?? null;
  }

  /** @returns null when the store's user may not use the command, or the store does not know it */
  async #ifAllowed<T>(reply: Promise<T>): Promise<T | null> {
    try {
      return await reply;
    } catch (error) {
      if (/^(NOPERM|ERR)\b/.test((error as Error).message)) return null;
      throw this.#failed(error);
    }
  }
}
