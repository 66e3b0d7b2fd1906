/**
 * Bundles in a Redis or a Redis Cluster, beside the rows. A pointer is replaced by a script, so that of two applies the
 * later one stays; the bundles that it does not name any more go a day later.
 */
import type { BundlePointer } from '../../contract/bundles/bundle-pointer.ts';
import { bundlesOf, pointerFromText, pointerText } from '../../contract/bundles/bundle-pointer.ts';
import { bundleKey, pointerKey } from '../../contract/wire/online/online-layout.ts';
import { redisAddress } from '../connections/redis-address.ts';
import { clusterClient, connectWithin, redisClient } from '../connections/redis-client.ts';
import type { Cluster, Redis } from '../connections/redis-client.ts';
import type { OnlineSettings } from '../settings/settings.ts';
import type { BundleOrigin } from './bundle-origin.ts';

const LIMIT_MS = 5_000;
/** An idle cluster is asked for its slots this often. */
const SLOTS_MS = 60_000;
const GONE_MS = 86_400_000;

/** KEYS: pointer. ARGV: its new text. Returns the text that was there, or false; 1 where that one is later. */
const REPLACE = `
local there = redis.call('GET', KEYS[1])
if there then
  local isRead, old = pcall(cjson.decode, there)
  local new = cjson.decode(ARGV[1])
  if isRead and type(old) == 'table' and old.registry == new.registry and type(old.sequence) == 'number'
    and type(old.revision) == 'number' and (old.sequence > new.sequence
    or (old.sequence == new.sequence and old.revision > new.revision)) then return 1 end
end
redis.call('SET', KEYS[1], ARGV[1])
return there`;

export function redisOrigin(online: OnlineSettings): BundleOrigin {
  const store = new RedisBundles(online);
  return {
    name: 'the online store',
    needsSignature: true,
    pointer: () => store.ask((client) => client.get(store.pointerKey)),
    content: ({ hash }) => store.ask((client) => client.get(store.bundleKey(hash))),
    publish: (texts, pointer) => store.ask((client) => store.publish(client, texts, pointer)),
    close: () => store.close(),
  };
}

class RedisBundles {
  readonly pointerKey: string;
  readonly #online: OnlineSettings;
  #client: Redis | Cluster | null = null;
  #trouble: Error | null = null;

  constructor(online: OnlineSettings) {
    this.#online = online;
    this.pointerKey = pointerKey(online.keyPrefix);
  }

  bundleKey(hash: string): string {
    return bundleKey(this.#online.keyPrefix, hash);
  }

  /** A client that failed is left, and the next question connects anew. */
  async ask<T>(question: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      this.#client ??= await this.#connected();
      return await within(question(this.#client));
    } catch (error) {
      this.close();
      throw this.#trouble ?? error;
    }
  }

  close(): void {
    this.#client?.disconnect();
    this.#client = null;
  }

  async publish(
    client: Redis | Cluster,
    texts: ReadonlyMap<string, string>,
    pointer: BundlePointer,
  ): Promise<void> {
    for (const [hash, text] of texts) await client.set(this.bundleKey(hash), text);
    const before = await client.eval(REPLACE, 1, this.pointerKey, pointerText(pointer));
    if (typeof before !== 'string') return;
    for (const hash of namedBy(before))
      if (!texts.has(hash)) await client.pexpire(this.bundleKey(hash), GONE_MS);
  }

  async #connected(): Promise<Redis | Cluster> {
    const { url, access, kind } = this.#online;
    const address = redisAddress(url, access);
    const hear = (error: Error): void => void (this.#trouble = error);
    const own = { connectTimeout: LIMIT_MS, socketTimeout: LIMIT_MS, maxRetriesPerRequest: 2 };
    this.#trouble = null;
    const client =
      kind === 'redis'
        ? redisClient(address, own, hear)
        : clusterClient(address, { redisOptions: own, slotsRefreshInterval: SLOTS_MS }, hear);
    try {
      await connectWithin(client, LIMIT_MS);
      this.#trouble = null;
      return client;
    } catch (error) {
      client.disconnect();
      throw error;
    }
  }
}

/** The bundles that a pointer of before names; of what is none, none. */
function namedBy(text: string): string[] {
  try {
    return bundlesOf(pointerFromText(text)).map(({ hash }) => hash);
  } catch {
    return [];
  }
}

async function within<T>(answer: Promise<T>): Promise<T> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`it did not answer within ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(limit);
  }
}
