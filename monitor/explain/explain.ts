/**
 * `plumb explain`: why one vector holds what it holds. By a request of the log, or by an entity and a time.
 *
 *   log --> served row ---.
 *   history --> entity's rows --as-of rule--> rows that count --> facts --rules of causes/--> cause and evidence
 *   run records --> runs of that time
 *
 * The rule and the causes are the monitor's own; a test holds the two against each other. Reads only.
 */
import { parseKeyPart } from '../../contract/wire/online/entity-key.ts';
import { keyValueOf } from '../../contract/wire/online/entity-key.ts';
import { serviceNamed } from '../../contract/definitions/service-named.ts';
import { registryError } from '../../contract/errors.ts';
import { loadHmacKey } from '../../contract/log-privacy.ts';
import type { FeatureService } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { KeyValue } from '../../contract/value-type.ts';
import { LOG_HMAC, SURFACES } from '../../contract/wire/log/served-record.ts';
import type { LoggedVector, ServedRecord } from '../../contract/wire/log/served-record.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import { HashedIds } from '../day/hashed-ids.ts';
import { RequestIds } from '../day/request-ids.ts';
import { monitorError } from '../errors.ts';
import { BundleBook } from '../judge/bundle-book.ts';
import type { ExplainedVector } from './explanation.ts';
import { loggedRequests } from './logged-requests.ts';
import type { WantedRequest } from './logged-requests.ts';
import { ViewExplainer } from './view-explainer.ts';
import type { AskedVector } from './view-explainer.ts';

/** Rows of one request that are explained when none is chosen. */
const MOST_ROWS = 10;

interface Narrowed {
  /** The index of the entity row within the request, from 0. */
  readonly row?: number;
  /** The full name of a feature, or its name alone. */
  readonly feature?: string;
}

/**
 * Explains a request's vectors; a request id that was used more than once gives those of all its requests.
 *
 * @throws  MON_REQUEST when the log has no such request, or the request no such row; REG_UNKNOWN; REG_NOT_APPLIED
 */
export async function explainRequest(
  project: Project,
  database: RegistryDatabase,
  wanted: WantedRequest,
  narrowed: Narrowed = {},
): Promise<ExplainedVector[]> {
  return await withDuck(async (duck) => {
    const book = new BundleBook(project.settings, project.logger);
    const records = await loggedRequests(duck, project.settings, wanted);
    if (records.length === 0) throw noRequest(project, wanted);
    const explainer = new ViewExplainer(project, database, duck, book);
    const explained: ExplainedVector[] = [];
    for (const record of records) {
      for (const asked of await askedVectors({ project, duck, book }, record, narrowed)) {
        explained.push(await explainOne(explainer, asked, narrowed.feature));
      }
    }
    return explained;
  });
}

/** @param keys  one text for each join key of the service */
export async function explainEntity(
  project: Project,
  database: RegistryDatabase,
  asked: { readonly service: string; readonly keys: Readonly<Record<string, string>>; readonly atUs: number },
  narrowed: Pick<Narrowed, 'feature'> = {},
): Promise<ExplainedVector> {
  return await withDuck(async (duck) => {
    const book = new BundleBook(project.settings, project.logger);
    const service = serviceNamed(book.current, asked.service);
    const ids = idsOf(service, asked.keys);
    const explainer = new ViewExplainer(project, database, duck, book);
    const entities = Object.fromEntries(service.requestKeys.map(({ name }) => [name, asked.keys[name]!]));
    const vector = { service, ids, entities, atUs: asked.atUs, bundle: book.current.hash, request: null };
    return await explainOne(explainer, vector, narrowed.feature);
  });
}

async function withDuck<Result>(use: (duck: DuckDb) => Promise<Result>): Promise<Result> {
  const duck = await DuckDb.open();
  try {
    return await use(duck);
  } finally {
    duck.close();
  }
}

async function explainOne(
  explainer: ViewExplainer,
  asked: AskedVector,
  feature: string | undefined,
): Promise<ExplainedVector> {
  const { service, entities, atUs, bundle, request } = asked;
  const features = chosenFeatures(service, feature);
  const views = [];
  for (const used of service.views) {
    const own = features.filter(({ role }) => role === used.role);
    if (own.length > 0) views.push(await explainer.explain(asked, used, own));
  }
  return {
    request:
      request === null
        ? null
        : {
            requestId: request.record.requestId,
            row: request.row,
            rows: request.record.vectors.length,
            pod: request.record.pod,
            epoch: request.record.epoch,
            sequence: request.record.sequence,
            surface: SURFACES[request.record.surface] ?? `surface ${request.record.surface}`,
            serviceVersion: request.record.serviceVersion,
          },
    service: service.name,
    entities,
    at: formatTimestamp(atUs),
    bundle,
    views,
  };
}

function chosenFeatures(service: FeatureService, name: string | undefined): FeatureService['features'] {
  if (name === undefined) return service.features;
  const chosen = service.features.filter(({ fullName, feature }) => fullName === name || feature === name);
  if (chosen.length > 0) return chosen;
  const known = service.features.map(({ fullName }) => fullName).join(', ');
  throw registryError('REG_UNKNOWN', `${service.name} has no feature ${name}; it has ${known}`, {
    field: 'feature',
  });
}

async function askedVectors(
  { project, duck, book }: { readonly project: Project; readonly duck: DuckDb; readonly book: BundleBook },
  record: ServedRecord,
  { row }: Narrowed,
): Promise<AskedVector[]> {
  if (record.service === '') {
    const message = `request ${record.requestId} named single features, which belong to no service`;
    throw monitorError('MON_REQUEST', message, { help: 'Look at it with `plumb log cat`.' });
  }
  const service = serviceNamed(book.current, record.service);
  const hashedIds = record.keyPolicies.includes(LOG_HMAC)
    ? await HashedIds.read(duck, project, book.current, loadHmacKey(project.settings.log.hmacKey))
    : null;
  const requestIds = RequestIds.of(record, service, hashedIds);
  if (typeof requestIds === 'string') {
    throw monitorError(
      'MON_REQUEST',
      `request ${record.requestId} is one ${requestIds} and cannot be joined`,
    );
  }
  const explained = chosenRows(record, row).map(async ([index, vector]) => {
    const own = await requestIds.read(vector.keys);
    const ids = own?.ids ?? service.requestKeys.map(() => null);
    const shown = service.requestKeys.map(({ name }, i) => [
      name,
      own?.shown[i] ?? (ids[i] === null || ids[i] === undefined ? null : String(ids[i])),
    ]);
    return {
      service,
      ids,
      entities: Object.fromEntries(shown) as Record<string, string | null>,
      atUs: record.servedUs,
      bundle: record.bundle,
      request: { record, row: index, rows: vector.rows },
    };
  });
  return await Promise.all(explained);
}

function chosenRows({ requestId, vectors }: ServedRecord, row: number | undefined): [number, LoggedVector][] {
  if (row === undefined) return [...vectors.entries()].slice(0, MOST_ROWS);
  const vector = vectors[row];
  if (vector !== undefined) return [[row, vector]];
  const message = `request ${requestId} has no row ${row}: it has ${vectors.length}, numbered from 0`;
  throw monitorError('MON_REQUEST', message, { field: 'row' });
}

function idsOf(service: FeatureService, keys: Readonly<Record<string, string>>): KeyValue[] {
  const names = service.requestKeys.map(({ name }) => name);
  const stray = Object.keys(keys).find((name) => !names.includes(name));
  if (stray !== undefined) {
    const message = `${service.name} has no join key ${stray}; it has ${names.join(', ')}`;
    throw registryError('REG_UNKNOWN', message, { field: stray });
  }
  return service.requestKeys.map((key) => {
    const text = keys[key.name];
    const help = `Give one --entity for each of its join keys: ${names.map((name) => `--entity ${name}=…`).join(' ')}`;
    if (text === undefined) {
      throw registryError('REG_USAGE', `${service.name} needs the join key ${key.name}`, {
        field: key.name,
        help,
      });
    }
    const part = parseKeyPart(key, text);
    if (typeof part !== 'string') throw registryError('REG_USAGE', part.fault, { field: key.name, help });
    return keyValueOf(key, part)!;
  });
}

function noRequest({ settings }: Project, wanted: WantedRequest): Error {
  const which =
    'requestId' in wanted
      ? `request ${wanted.requestId}`
      : `record ${wanted.sequence} of pod ${wanted.pod}, epoch ${wanted.epoch}`;
  return monitorError(
    'MON_REQUEST',
    `${which} is neither in ${settings.log.spool} nor in ${settings.served}`,
  );
}
