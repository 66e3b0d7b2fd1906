/**
 * The vectors of a UTC day or hour as the archive holds them, a set of files for each service, and the account of
 * what the archive lacks: records that came again, gaps, open tails, vectors that cannot be judged. Called by run.ts.
 */
import { dirname } from 'node:path';
import { isOwnEngine } from '../../contract/on-demand/engine.ts';
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { keyPoliciesOf } from '../../contract/log-privacy.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { DuckDb, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { serviceFolder } from '../../project/archive/archive-layout.ts';
import type { IngestAccount } from '../../project/archive/ingest-account.ts';
import { spanText } from '../judged-span.ts';
import type { JudgedSpan } from '../judged-span.ts';
import { ServedFiles } from '../replay/served-files.ts';
import type { HashedBy } from '../replay/served-files.ts';
import type { DayInArchive } from './archived-day.ts';
import type { LostFiles } from '../verdict/snapshot.ts';
import type { ReadableArchive } from './damaged-archive.ts';
import type { HashedIds } from './hashed-ids.ts';
import { lostFilesOf } from './lost-files.ts';
import type { Server } from './servers.ts';

export interface DayOfService {
  readonly service: FeatureService;
  readonly files: ServedFiles;
  /** Those with a vector; one may stand there twice. */
  readonly servers: readonly Server[];
  readonly vectors: number;
  /** Served times of the first and the last vector. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** Vectors in records that the log holds twice; each counts once. */
  readonly duplicates: number;
}

/** A day or an hour of the log. */
export interface DayOfLog extends Pick<DayInArchive, 'files' | 'isOfSpool' | 'keptFrom'> {
  /** By service name; only services with a vector that day. */
  readonly services: ReadonlyMap<string, DayOfService>;
  /** Whether a sidecar ran that day, so that the log has records of it. */
  readonly hasRecords: boolean;
  /**
   * Missing sequence numbers between two records of the log, where one of the two is of the day or the day lies between
   * them.
   */
  readonly gaps: number;
  /** Starts of a sidecar that have a record on the day, but neither a last record nor one after the day. */
  readonly openTails: number;
  /** Files that the archive should have and has not, or cannot read, by hour. */
  readonly lostFiles: readonly LostFiles[];
  /** Names of services of which a file cannot be read. */
  readonly damaged: ReadonlySet<string>;
  /** Starts of sidecars whose on-demand functions another V8 ran, or another kind of processor, than this one. */
  readonly otherEngines: readonly OtherEngine[];
  /** Vectors left out, by reason: the service is not applied, single features, hashed or dropped keys. */
  readonly leftOut: ReadonlyMap<string, number>;
}

export interface OtherEngine {
  readonly pod: string;
  readonly epoch: string;
  readonly engine: string;
}

/** Which vectors of the archive are read, and by what. */
interface DayScope {
  readonly span: JudgedSpan;
  readonly services: ReadonlyMap<string, FeatureService>;
  /** @returns the bundle of that hash, by which ids were hashed or dropped */
  bundle(hash: string): Bundle;
  /** Finds ids by their HMACs; null: no entity's ids are hashed, or the secret is not set. */
  readonly hashedIds: HashedIds | null;
  /** The folder of the archive. */
  readonly served: string;
}

/** Reads what the archive has of each service. */
export async function readDayOfLog(
  duck: DuckDb,
  archive: ReadableArchive,
  scope: DayScope,
): Promise<DayOfLog> {
  const { files, ledger } = archive;
  const folders = [...Map.groupBy(files, ({ folder }) => folder)].map(([folder, own]) => ({
    folder,
    files: own.map(({ file }) => file),
  }));
  const leftOut = new Map<string, number>();
  const leave = (what: string, vectors: number): void => {
    if (vectors > 0) leftOut.set(what, (leftOut.get(what) ?? 0) + vectors);
  };
  const byName = new Map(
    [...scope.services.values()].map((one) => [dirname(serviceFolder(one.name, 0)), one]),
  );
  const services = new Map<string, DayOfService>();
  for (const [name, own] of Map.groupBy(folders, ({ folder }) => dirname(folder))) {
    const service = byName.get(name);
    const paths = own.map((one) => one.files);
    if (service === undefined) {
      const what = name.startsWith('_views/')
        ? 'of requests for single features'
        : `of the unknown service ${name}`;
      leave(what, await countOf(duck, paths));
      continue;
    }
    const day = await readService(duck, paths, service, { ...scope, leave });
    const duplicates = ledger.duplicatesOf(spanText(scope.span), service.name);
    if (day.vectors > 0) services.set(service.name, { ...day, duplicates });
  }
  const { isOfSpool, keptFrom } = archive;
  const lostFiles = await lostFilesOf(duck, archive, scope.served);
  const damaged = new Set(archive.damaged.flatMap(({ folder }) => byName.get(dirname(folder))?.name ?? []));
  const known = { services, leftOut, lostFiles, damaged, files, isOfSpool, keptFrom };
  return { ...known, ...accountOf(ledger, scope.span) };
}

async function countOf(duck: DuckDb, folders: readonly (readonly string[])[]): Promise<number> {
  const files = await ServedFiles.read(duck, folders, []);
  const [row] = await duck.rows(`SELECT count(*)::DOUBLE AS n FROM (${files.vectors})`);
  return row!['n'] as number;
}

async function readService(
  duck: DuckDb,
  folders: readonly (readonly string[])[],
  service: FeatureService,
  scope: DayScope & { leave(what: string, vectors: number): void },
): Promise<Omit<DayOfService, 'duplicates'>> {
  const { leave } = scope;
  const ids = scope.hashedIds?.tables ?? new Map();
  const all = await ServedFiles.read(duck, folders, service.requestKeys, ids);
  const { whole, others } = all.byKeys();
  if (others !== null) leave(`of ${service.name} with other join keys`, await countOf(duck, others));
  const groups = whole.isEmpty
    ? []
    : await duck.rows(`SELECT bundle, hmac_key, pod, service_version, count(*)::DOUBLE AS n,
        min(served_us)::DOUBLE AS first, max(served_us)::DOUBLE AS last FROM (${whole.vectors}) GROUP BY ALL ORDER BY ALL`);
  const [excluded, kept] = [[] as HashedBy[], [] as Server[]];
  for (const group of groups) {
    const [bundle, hmacKey] = [group['bundle'] as string, group['hmac_key'] as string];
    const why = whyLeftOut(service, scope, bundle, hmacKey);
    if (why === null) kept.push(serverOf(group));
    else {
      leave(`of ${service.name} ${why}`, group['n'] as number);
      excluded.push({ bundle, hmacKey });
    }
  }
  return {
    service,
    files: whole.without(excluded),
    servers: kept,
    vectors: kept.reduce((sum, { vectors }) => sum + vectors, 0),
    firstUs: kept.reduce((first, one) => Math.min(first, one.firstUs), Infinity),
    lastUs: kept.reduce((last, one) => Math.max(last, one.lastUs), -Infinity),
  };
}

function serverOf(group: SqlRow): Server {
  return {
    pod: group['pod'] as string,
    bundle: group['bundle'] as string,
    serviceVersion: group['service_version'] as number,
    hmacKey: group['hmac_key'] as string,
    vectors: group['n'] as number,
    firstUs: group['first'] as number,
    lastUs: group['last'] as number,
  };
}

/** @returns why ids of these vectors cannot be read, as the end of a sentence such as `8 vectors of churn ...` */
export function whyLeftOut(
  service: FeatureService,
  { bundle, hashedIds }: Pick<DayScope, 'bundle' | 'hashedIds'>,
  hash: string,
  hmacKey: string,
): string | null {
  const then = bundle(hash);
  const served = then.services.get(service.name) ?? service;
  const all = keyPoliciesOf(then, served);
  const policies = service.requestKeys.map(
    ({ name }) => all[served.requestKeys.findIndex((key) => key.name === name)] ?? LOG_RAW,
  );
  if (policies.some((policy) => policy !== LOG_RAW && policy !== LOG_HMAC)) return 'with dropped keys';
  if (!policies.includes(LOG_HMAC) || hmacKey === hashedIds?.keyId) return null;
  return `with keys hashed by the secret ${hmacKey}, which log.hmacKey does not name,`;
}

/** Counts gaps between two records of which one is of the span, or between which the span lies. */
function accountOf(
  ledger: IngestAccount,
  { fromUs, toUs }: JudgedSpan,
): Pick<DayOfLog, 'hasRecords' | 'gaps' | 'openTails' | 'otherEngines'> {
  const epochs = ledger.epochs();
  const gaps = epochs
    .flatMap((epoch) => epoch.gaps())
    .filter((gap) => gap.afterUs >= fromUs && gap.beforeUs < toUs);
  const ofDay = epochs.filter(({ firstUs, lastUs }) => firstUs < toUs && lastUs >= fromUs);
  return {
    hasRecords: ofDay.length > 0,
    gaps: gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    openTails: ofDay.filter(({ closed, lastUs }) => !closed && lastUs < toUs).length,
    otherEngines: ofDay.filter(({ engine }) => !isOwnEngine(engine)),
  };
}
