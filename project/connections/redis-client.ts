/**
 * ioredis, for every program: a client of one Redis (by itself or found by sentinels) or of a cluster, made from an
 * address. Each program sets retries, limits and queues itself.
 *
 * Fixed here, because ioredis has no setting for it:
 *   - login and certificates are read again at each connection; ioredis takes them once;
 *   - a cluster of one node that has met no other gives no address (""), or an unknown one ("?"): the address is then
 *     the one that was called. ioredis would skip the node and try for ever;
 *   - names of nodes stay names (dnsLookup), so that certificates fit, and a name that moves is followed;
 *   - a cluster that never becomes ready says why; the promise of its `connect` is lost when it connects again
 *     (redis/ioredis#741).
 */
import { Cluster, Redis } from 'ioredis';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisAddress, RedisNode } from './redis-address.ts';
import { LiveCredentials } from './redis-connection.ts';

export type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';

/** Is called with each error of the client's connections. */
type OnTrouble = (error: Error) => void;

/** No RESP3: it begins with HELLO, which old proxies and tight ACLs refuse, and no reply here needs it. */
const EVERY_CONNECTION = { protocol: 2, disableClientInfo: true, lazyConnect: true } as const;

/** @returns a client that is not connected yet */
export function redisClient(address: RedisAddress, options: RedisOptions, onTrouble: OnTrouble): Redis {
  const credentials = new LiveCredentials(address.login, address.tls);
  // Without this a connection that was made before the file of its password was there would stay refused.
  const reconnectOnError = (error: Error): boolean => credentials.mayPass(error);
  const redis = new Redis({ ...options, ...EVERY_CONNECTION, reconnectOnError, ...whereOf(address) });
  keepLive(redis, { username: 'username', password: 'password', tls: 'tls' }, credentials);
  if (address.kind === 'sentinel') {
    const login = new LiveCredentials(address.sentinelLogin, address.tls);
    keepLive(
      redis,
      { username: 'sentinelUsername', password: 'sentinelPassword', tls: 'sentinelTLS' },
      login,
    );
  }
  redis.on('error', (error) => onTrouble(credentials.trouble ?? unnamed(error, address.masterName)));
  redis.on('sentinelError', onTrouble);
  return redis;
}

/**
 * ioredis also calls sentinels unreachable when they answer that they know no master of that name, and adds how long it
 * waits before the next try.
 */
const NO_MASTER = /^All sentinels are unreachable\b.*?(?: Last error: (.*))?$/s;

function unnamed(error: Error, masterName: string | null): Error {
  const found = NO_MASTER.exec(error.message);
  if (found === null) return error;
  const why = found[1] ?? 'they do not answer, or know none of that name';
  return new Error(`no sentinel names a master ${masterName} that can be used: ${why}`, { cause: error });
}

function whereOf({ kind, nodes, masterName, database: db, tls }: RedisAddress): RedisOptions {
  if (kind !== 'sentinel') return { ...nodes[0]!, db };
  const sentinels = nodes.map((node) => ({ ...node }));
  return { db, name: masterName!, sentinels, role: 'master', enableTLSForSentinelMode: tls !== null };
}

/** @returns a client that is not connected yet */
export function clusterClient(address: RedisAddress, options: ClusterOptions, onTrouble: OnTrouble): Cluster {
  const { nodes, login, tls } = address;
  const credentials = new LiveCredentials(login, tls);
  const cluster = new CalmCluster(
    nodes.map((node) => ({ ...node })),
    {
      ...options,
      lazyConnect: true,
      dnsLookup: (name, done) => done(null, name),
      redisOptions: {
        ...options.redisOptions,
        ...EVERY_CONNECTION,
        reconnectOnError: (error: Error) => credentials.mayPass(error),
      } as NonNullable<ClusterOptions['redisOptions']> & { replyMapping?: 'legacy' },
    },
  );
  cluster.on('+node', (node: Redis) => {
    keepLive(node, { username: 'username', password: 'password', tls: 'tls' }, credentials);
    fillAddresses(node);
  });
  const tell = (error: Error & { lastNodeError?: Error }): void =>
    onTrouble(credentials.trouble ?? error.lastNodeError ?? error);
  cluster.on('error', tell);
  cluster.on('node error', tell);
  tellUnready(cluster, onTrouble);
  return cluster;
}

/**
 * While commands fail, ioredis fetches the slots again with each retry, and puts 16,384 of them in order: a quarter of
 * the event loop's time while a primary is gone. A few times a second are enough to see its replica promoted.
 */
const SLOTS_REFRESH_LEAST_MS = 200;

class CalmCluster extends Cluster {
  #refreshedMs = -Infinity;

  /** @param callback  of a connection that cannot go on without the slots: then they are fetched */
  override refreshSlotsCache(callback?: Parameters<Cluster['refreshSlotsCache']>[0]): void {
    const nowMs = performance.now();
    if (callback === undefined && nowMs - this.#refreshedMs < SLOTS_REFRESH_LEAST_MS) return;
    this.#refreshedMs = nowMs;
    super.refreshSlotsCache(callback);
  }
}

/** ioredis looks its options up at each connection; these getters read the files then. */
function keepLive(
  { options }: Redis,
  names: Readonly<Record<'username' | 'password' | 'tls', string>>,
  credentials: LiveCredentials,
): void {
  for (const [what, option] of Object.entries(names)) {
    const get = (): unknown => credentials[what as keyof typeof names];
    Object.defineProperty(options, option, { get, enumerable: true, configurable: true });
  }
}

type SlotRange = [from: number, to: number, ...nodes: [host: string | null, port: number, id: string][]];

/** ioredis fetches slots over a duplicate of a node's connection. */
function fillAddresses(node: Redis): void {
  const duplicate = node.duplicate.bind(node);
  node.duplicate = (override) => {
    const connection = duplicate(override);
    const call = connection.cluster.bind(connection) as unknown as ClusterCommand;
    const fill: ClusterCommand = (command, hear) =>
      call(command, (error, ranges) => {
        for (const [, , ...nodes] of ranges ?? [])
          for (const each of nodes) if (!each[0] || each[0] === '?') each[0] = node.options.host!;
        hear(error, ranges);
      });
    connection.cluster = fill as unknown as typeof connection.cluster;
    return connection;
  };
}

type ClusterCommand = (
  command: string,
  hear: (error: Error | null | undefined, ranges: SlotRange[] | undefined) => void,
) => unknown;

/** It is connected, and closes before it is ready: the cluster says itself that it is down. */
function tellUnready(cluster: Cluster, onTrouble: OnTrouble): void {
  let isChecking = false;
  cluster.on('connect', () => (isChecking = true));
  cluster.on('ready', () => (isChecking = false));
  cluster.on('close', () => {
    if (!isChecking) return;
    isChecking = false;
    onTrouble(
      new Error('the cluster says that it is down (cluster_state:fail): slots are missing or not covered'),
    );
  });
}

/**
 * Connects, within a limit: some connections never settle.
 *
 * @throws  what the client says, or Error when it is not ready by then
 */
export async function connectWithin(client: Redis | Cluster, limitMs: number): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`Connection is not ready after ${limitMs} ms`)), limitMs);
  });
  const ready = new Promise<void>((resolve) => client.once('ready', resolve));
  try {
    await Promise.race([client.connect(), ready, late]);
  } finally {
    clearTimeout(limit);
  }
}

/** @returns the node that a client is connected to: behind sentinels the master that they named */
export function nodeOf(client: Redis, { kind, nodes }: RedisAddress): RedisNode {
  // While it connects there is no stream, or one that has no address.
  const stream = client.stream as Partial<Redis['stream']> | undefined;
  if (kind !== 'sentinel' || stream?.remoteAddress === undefined) return nodes[0]!;
  return { host: stream.remoteAddress, port: stream.remotePort! };
}
