/**
 * `plumb explain`: why one vector holds what it holds. By a request of the log, or by an entity and a time.
 *
 *   log --> served row ---.
 *   history --> entity's rows --as-of rule--> rows that count --> facts --rules of causes/--> cause and evidence
 *   run records --> runs of that time
 *
 * The rule and the causes are the monitor's own; a test holds the two against each other. Reads only.
 */
import { dirname, join } from 'node:path';
import { parseKeyPart } from '../../contract/wire/online/entity-key.ts';
import { keyValueOf } from '../../contract/wire/online/entity-key.ts';
import { serviceNamed } from '../../contract/definitions/service-named.ts';
import { registryError } from '../../contract/errors.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { KeyValue, Value } from '../../contract/value-type.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../project/project.ts';
import { openScratchFolder } from '../../project/scratch-folder.ts';
import { serviceFolder } from '../../project/archive/archive-layout.ts';
import { monitorError } from '../errors.ts';
import { BundleBook } from '../judge/bundle-book.ts';
import { AskedComputed } from './computed/asked-computed.ts';
import { givenInputs } from './computed/given-inputs.ts';
import { ComputedExplainer } from './computed/computed-explainer.ts';
import type { ExplainedVector } from './explanation.ts';
import { loggedRequests } from './logged-requests.ts';
import type { LoggedRequest, WantedRequest } from './logged-requests.ts';
import { loggedVectors } from './logged-vectors.ts';
import { ViewExplainer } from './view-explainer.ts';
import type { AskedVector } from './view-explainer.ts';

/** Requests of one id that are explained: an id that a caller never changes is of all that it ever asked. */
const MOST_REQUESTS = 10;
/** Rows of one request that are explained when none is chosen. */
const MOST_ROWS = 10;

interface Open {
  readonly project: Project;
  readonly duck: DuckDb;
  readonly book: BundleBook;
}

interface Narrowed {
  /** The index of the entity row within the request, from 0. */
  readonly row?: number;
  /** The full name of a feature, or its name alone. */
  readonly feature?: string;
}

/**
 * Explains a request's vectors; a request id that was used more than once gives those of its newest ten requests.
 *
 * @throws  MON_REQUEST when the log has no such request, or the request no such row; REG_UNKNOWN; REG_NOT_APPLIED
 */
export async function explainRequest(
  project: Project,
  database: RegistryDatabase,
  wanted: WantedRequest,
  narrowed: Narrowed = {},
): Promise<ExplainedVector[]> {
  const scratch = openScratchFolder(project.settings.monitor.scratch, 'monitor');
  try {
    return await withDuck(project, async (duck) => {
      const book = new BundleBook(project.settings, project.logger);
      const requests = await loggedRequests(duck, project, join(scratch.folder, 'served'), wanted);
      if (requests.length === 0) throw noRequest(project, wanted);
      const explainer = new VectorExplainer(new ViewExplainer(project, database, duck, book), book);
      return await thoseThatFit(requests, async (request) => {
        const explained: ExplainedVector[] = [];
        for (const asked of await askedVectors({ project, duck, book }, request, narrowed)) {
          const vector = await explainer.explain(asked, narrowed.feature);
          explained.push({ ...vector, request: requestOf(asked.logged!, requests.length) });
        }
        return explained;
      });
    });
  } finally {
    scratch.remove();
  }
}

/**
 * One id may be of requests to several services: a caller gives each the id of its trace. Not each of them has the row
 * or the feature that is asked for, or belongs to a service that is still there.
 *
 * @returns  of the newest that fit, in the order of their times
 * @throws   what the first request is refused with, when all are
 */
async function thoseThatFit(
  requests: readonly LoggedRequest[],
  explain: (request: LoggedRequest) => Promise<ExplainedVector[]>,
): Promise<ExplainedVector[]> {
  const explained: ExplainedVector[][] = [];
  const faults: CodedError[] = [];
  for (const request of requests.toReversed()) {
    if (explained.length === MOST_REQUESTS) break;
    try {
      explained.push(await explain(request));
    } catch (error) {
      const isRefused = error instanceof CodedError && ['MON_REQUEST', 'REG_UNKNOWN'].includes(error.code);
      if (!isRefused) throw error;
      faults.push(error);
    }
  }
  if (explained.length === 0) throw faults.at(-1)!;
  return explained.toReversed().flat();
}

interface AskedEntity {
  readonly service: string;
  /** One text for each join key of the service. */
  readonly keys: Readonly<Record<string, string>>;
  readonly atUs: number;
  /** What a request would bring, as NAME=VALUE. */
  readonly inputs?: readonly string[];
}

/** @throws REG_UNKNOWN; REG_NOT_APPLIED; REG_USAGE for keys and inputs that do not fit */
export async function explainEntity(
  project: Project,
  database: RegistryDatabase,
  asked: AskedEntity,
  narrowed: Pick<Narrowed, 'feature'> = {},
): Promise<ExplainedVector> {
  return await withDuck(project, async (duck) => {
    const book = new BundleBook(project.settings, project.logger);
    const service = serviceNamed(book.current, asked.service);
    const ids = idsOf(service, asked.keys);
    const inputs = givenInputs(service, asked.inputs ?? []);
    const explainer = new VectorExplainer(new ViewExplainer(project, database, duck, book), book);
    const entities = Object.fromEntries(service.requestKeys.map(({ name }) => [name, asked.keys[name]!]));
    const vector = { service, ids, entities, atUs: asked.atUs, bundle: book.current.hash, logged: null };
    return await explainer.explain(vector, narrowed.feature, inputs);
  });
}

async function withDuck<Result>(
  { settings: { elsewhere } }: Project,
  use: (duck: DuckDb) => Promise<Result>,
): Promise<Result> {
  const duck = await DuckDb.open({ elsewhere });
  try {
    return await use(duck);
  } finally {
    duck.close();
  }
}

class VectorExplainer {
  readonly #views: ViewExplainer;
  readonly #computed: ComputedExplainer;
  readonly #asked: AskedComputed;
  readonly #book: BundleBook;

  constructor(views: ViewExplainer, book: BundleBook) {
    this.#views = views;
    this.#computed = new ComputedExplainer(views, book);
    this.#asked = new AskedComputed(views, book);
    this.#book = book;
  }

  /** @param inputs  of an entity that nobody asked for */
  async explain(
    asked: AskedVector,
    feature: string | undefined,
    inputs: ReadonlyMap<string, Value> = new Map(),
  ): Promise<ExplainedVector> {
    const { service, entities, atUs, bundle } = asked;
    const chosen = chosenFeatures(service, feature);
    const features = withUsed(service, chosen, this.#book.current);
    const views = [];
    for (const used of service.views) {
      const own = features.filter(({ role }) => role === used.role);
      if (own.length > 0) views.push(await this.#views.explain(asked, used, own));
    }
    return {
      request: null,
      service: service.name,
      entities,
      at: formatTimestamp(atUs),
      bundle,
      views,
      computed: await (asked.logged === null
        ? this.#asked.explain(asked, features, inputs)
        : this.#computed.explain(asked, features)),
    };
  }
}

/** With the features that on-demand ones are computed of, at any depth, each once. */
function withUsed(
  service: FeatureService,
  chosen: FeatureService['features'],
  { onDemand }: Pick<Bundle, 'onDemand'>,
): FeatureService['features'] {
  const all = [...chosen];
  // It grows while it is gone through.
  for (const { role, view } of all) {
    const computed = service.onDemand.find((one) => one.role === role);
    for (const [i, used] of (computed === undefined ? [] : onDemand.get(view)!.uses).entries()) {
      const of = computed!.uses[i]!;
      for (const { feature } of used.features) {
        if (all.some((one) => one.role === of && one.feature === feature)) continue;
        const listed = service.features.find((one) => one.role === of && one.feature === feature);
        all.push(listed ?? { fullName: `${of}__${feature}`, view: used.view, role: of, feature });
      }
    }
  }
  return all;
}

/** @param requests  how many of the log have its id */
function requestOf(
  { request, vector }: NonNullable<AskedVector['logged']>,
  requests: number,
): ExplainedVector['request'] {
  const { requestId, rows, pod, epoch, sequence } = request;
  const { row, serviceVersion, surface, answer } = vector;
  return {
    requestId,
    row,
    rows,
    requests,
    pod,
    epoch,
    sequence,
    surface: SURFACES[surface] ?? `surface ${surface}`,
    serviceVersion,
    isAnswerLogged: answer !== null,
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
  { project, duck, book }: Open,
  request: LoggedRequest,
  { row }: Narrowed,
): Promise<AskedVector[]> {
  const { requestId, folder, servedUs, rows } = request;
  if (folder.startsWith('_')) {
    const message = `request ${requestId} named single features, which belong to no service`;
    throw monitorError('MON_REQUEST', message, { help: 'Look at it with `plumb log cat`.' });
  }
  if (row !== undefined && row >= rows) {
    const message = `request ${requestId} has no row ${row}: it has ${rows}, numbered from 0`;
    throw monitorError('MON_REQUEST', message, { field: 'row' });
  }
  const name = dirname(folder);
  const service =
    [...book.current.services.values()].find((one) => dirname(serviceFolder(one.name, 0)) === name) ??
    serviceNamed(book.current, name);
  const chosen = row === undefined ? ([0, MOST_ROWS] as const) : ([row, row + 1] as const);
  const vectors = await loggedVectors({ project, duck, book, service, request }, chosen);
  if (typeof vectors === 'string')
    throw monitorError('MON_REQUEST', `request ${requestId} is one ${vectors} and cannot be joined`);
  return vectors.map((vector) => {
    const { ids, shown, bundle } = vector;
    const entities = service.requestKeys.map((key, i) => [
      key.name,
      shown[i] ?? (ids[i] === null ? null : String(ids[i])),
    ]);
    return {
      service,
      ids,
      entities: Object.fromEntries(entities) as Record<string, string | null>,
      atUs: servedUs,
      bundle,
      logged: { request, vector },
    };
  });
}

function idsOf(service: FeatureService, keys: Readonly<Record<string, string>>): KeyValue[] {
  const names = service.requestKeys.map(({ name }) => name);
  const stray = Object.keys(keys).find((name) => !names.includes(name));
  if (stray !== undefined) {
    const message = `${service.name} has no join key ${stray}; it has ${names.join(', ') || 'none'}`;
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
