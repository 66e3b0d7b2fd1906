/** The online store: whether it is reached as every program reaches it, and keeps what is written to it. */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { formatBytes } from '../../contract/std/byte-size.ts';
import { infoField } from '../../contract/wire/online/eviction-mark.ts';
import { redisAddress } from '../../project/connections/redis-address.ts';
import type { RedisAddress } from '../../project/connections/redis-address.ts';
import { clusterClient, connectWithin, redisClient } from '../../project/connections/redis-client.ts';
import type { Redis } from '../../project/connections/redis-client.ts';
import { LiveCredentials } from '../../project/connections/redis-connection.ts';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import { failed, note, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

const CHECK = 'online store';
const LIMIT_MS = 3_000;
const OLDEST = [6, 2] as const;
/** Of its memory, from here on it will soon be full. */
const NEARLY_FULL = 0.9;
/** Times of rows are of the machine that writes them: clocks that differ by more move freshness and verdicts. */
const CLOCKS_APART_MS = 1_000;

/** @param isSidecar  rows are only read there, which a replica allows */
export async function onlineFindings(online: OnlineSettings, isSidecar: boolean): Promise<SetupFinding[]> {
  if (online.kind === 'sqlite') return [sqliteFinding(online.url)];
  let address: RedisAddress;
  try {
    address = redisAddress(online.url, online.access);
    new LiveCredentials(address.login, address.tls).check();
  } catch (error) {
    return [failed(CHECK, error, 'Look at the settings below online.')];
  }
  return redisFindings(address, isSidecar);
}

function sqliteFinding(file: string): SetupFinding {
  if (!existsSync(file))
    return note(CHECK, `${file} is not there yet`, 'Run `plumb materialize`, which makes and fills it.');
  try {
    const database = new DatabaseSync(file, { readOnly: true, timeout: LIMIT_MS });
    try {
      database.prepare('SELECT count(*) FROM sqlite_schema').get();
    } finally {
      database.close();
    }
    return ok(CHECK, `${file} can be read`);
  } catch (error) {
    const help =
      'Look at its rights; a damaged file is made again: remove it, then `plumb materialize --full`.';
    return wrong(CHECK, `${file}: ${(error as Error).message}`, help);
  }
}

async function redisFindings(address: RedisAddress, isSidecar: boolean): Promise<SetupFinding[]> {
  let heard: Error | null = null;
  const onTrouble = (error: Error): void => void (heard ??= error);
  const options = { connectTimeout: LIMIT_MS, commandTimeout: LIMIT_MS, maxRetriesPerRequest: 0 };
  const cluster =
    address.kind === 'cluster'
      ? clusterClient(address, { redisOptions: options, slotsRefreshTimeout: LIMIT_MS }, onTrouble)
      : null;
  const single = cluster === null ? redisClient(address, options, onTrouble) : null;
  const client = (cluster ?? single)!;
  try {
    await connectWithin(client, LIMIT_MS);
    const nodes = cluster === null ? [single!] : cluster.nodes('master');
    const findings = nodes.map((node) => nodeFindings(node, nodes.length > 1, isSidecar));
    return (await Promise.all(findings)).flat();
  } catch (error) {
    return [unreachable(address, (heard ?? error) as Error)];
  } finally {
    client.disconnect();
  }
}

/** What a refused connection says, and what that asks for. */
const REFUSALS: readonly (readonly [says: RegExp, help: string])[] = [
  [
    /WRONGPASS|invalid (password|username)/,
    'The login is refused: look at online.user and online.passwordFile.',
  ],
  [
    /NOAUTH/,
    'It asks for a login: give online.passwordFile, and online.user where it is not the default one.',
  ],
  [/NOPERM/, 'Give the user the rights that docs/redis.md lists ("Logging in").'],
  [/ECONNREFUSED/, 'Nothing listens there: start it, or correct online.url.'],
  [/ENOTFOUND|EAI_AGAIN/, 'The name is not known here: correct online.url, or look at the DNS.'],
  [
    /certificate|self.signed|altnames|SSL|TLS|EPROTO/i,
    'Look at online.tls: the authority (ca) and the name (serverName).',
  ],
  [/cluster support disabled/, 'It is no cluster: write redis:// in place of redis+cluster://.'],
  [/MOVED/, 'It is a node of a cluster: write redis+cluster:// in place of redis://.'],
  [/LOADING/, 'It is reading its data after a start: wait, then look again.'],
  [
    /cluster_state:fail|CLUSTERDOWN/,
    'Slots are not covered: `redis-cli --cluster check HOST:PORT` says which.',
  ],
  [/sentinel/, 'Look at the name of the master and at the sentinels: `redis-cli -p 26379 sentinel masters`.'],
];
const SILENT =
  'Something may listen there that is no Redis, or one that speaks TLS where the URL does not (rediss:// or redis://).';

function unreachable({ nodes }: RedisAddress, error: Error): SetupFinding {
  const where = nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
  const help = REFUSALS.find(([says]) => says.test(error.message))?.[1] ?? SILENT;
  return wrong(CHECK, `${where} cannot be used: ${error.message}`, help);
}

async function nodeFindings(node: Redis, isOfMany: boolean, isSidecar: boolean): Promise<SetupFinding[]> {
  const at = `${node.options.host}:${node.options.port}`;
  const check = isOfMany ? `${CHECK} ${at}` : CHECK;
  await node.ping();
  // Old proxies and tight ACLs refuse INFO, and the programs do without it.
  const info = await node.info().catch(() => null);
  if (info === null)
    return [note(check, `${at} answers, but not INFO`, 'Allow +info: without it evictions are not seen.')];
  const findings = [...replicaFindings(check, info, isSidecar), ...faultsIn(check, info)];
  const timeMs = await node.time().then(
    ([s, us]) => Number(s) * 1_000 + Number(us) / 1_000,
    () => null,
  );
  const apartMs = timeMs === null ? 0 : Math.abs(Date.now() - timeMs);
  if (apartMs > CLOCKS_APART_MS)
    findings.push(
      wrong(
        'clock',
        `${at} and this machine are ${(apartMs / 1_000).toFixed(1)} s apart`,
        'Run NTP on both.',
      ),
    );
  if (findings.length > 0) return findings;
  const used = Number(infoField(info, 'used_memory') ?? 0);
  return [ok(check, `${at}: Redis ${infoField(info, 'redis_version')}, ${formatBytes(used)} used`)];
}

/** A replica: whoever writes cannot use it; a sidecar reads what has come to it. */
function replicaFindings(check: string, info: string, isSidecar: boolean): SetupFinding[] {
  const field = (name: string): string => infoField(info, name) ?? '';
  if (field('role') !== 'slave') return [];
  const what = `it is a replica of ${field('master_host')}:${field('master_port')}`;
  const help = 'Name the primary in online.url, or the sentinels (redis+sentinel://), which know it.';
  if (!isSidecar) return [wrong(check, `${what}: nothing can be written to it`, help)];
  if (field('master_link_status') !== 'up')
    return [wrong(check, `${what}, and has lost it: no new row comes to it`, help)];
  return [note(check, `${what}: rows come to it later, and what its primary evicted reads as MISSING`, help)];
}

/** What INFO says that no store of features should. */
function faultsIn(check: string, info: string): SetupFinding[] {
  const findings: SetupFinding[] = [];
  const field = (name: string): string => infoField(info, name) ?? '';
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    findings.push(
      wrong(check, `Redis ${version} is too old`, `Plumbline needs ${OLDEST.join('.')} or later.`),
    );
  const [policy, most] = [field('maxmemory_policy'), Number(field('maxmemory'))];
  if (most > 0 && policy !== 'noeviction')
    findings.push(
      wrong(
        check,
        `maxmemory-policy is ${policy}: when its ${formatBytes(most)} are full it evicts rows that nobody deleted`,
        '`redis-cli CONFIG SET maxmemory-policy noeviction`, and give it room.',
      ),
    );
  const used = Number(field('used_memory'));
  if (most > 0 && used > NEARLY_FULL * most)
    findings.push(
      wrong(
        check,
        `${formatBytes(used)} of ${formatBytes(most)} are used: soon no row can be written`,
        'Raise maxmemory, or take out what is not needed (docs/redis.md, "Memory").',
      ),
    );
  const evicted = Number(field('evicted_keys'));
  if (evicted > 0)
    findings.push(note(check, `it has evicted ${evicted} keys since its start`, 'Run `plumb materialize`.'));
  return findings;
}
