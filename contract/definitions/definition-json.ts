/**
 * Definitions as canonical JSON: what is hashed, stored in the registry and published as the bundle. One meaning has
 * one text; `bundleFromJson(bundleToJson(bundle))` gives the bundle back.
 */
import type { Json } from '../std/canonical-json.ts';
import { canonicalJson } from '../std/canonical-json.ts';
import { givenText } from '../std/given-text.ts';
import { faultOfBundle } from './bundle-shape.ts';
import { onDemandLogicOf, rowLogicOf } from './definition-meaning.ts';
import { registryError } from '../errors.ts';
import type {
  Bundle,
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  JoinKey,
  OnDemandView,
  RequestInput,
  RowFields,
  RowSchema,
} from '../model.ts';
import { formatType, parseType } from '../value-type.ts';
import { sourceFromJson, sourceToJson } from './stream-json.ts';
import type { ValueType } from '../value-type.ts';
import { ValueFault, valueFromJson, valueToJson } from '../wire/online/json-value.ts';
import { xxHash32, xxHash64 } from '../wire/online/xxhash.ts';

type JsonObject = { readonly [key: string]: Json | undefined };

/**
 * The definition id of a view: xxHash32 of its canonical schema and row logic, and of how often the view has returned
 * to it. Reading logic and the place of the source do not touch it, since they change the meaning of no stored row. A
 * view that comes back to an earlier definition gets a new id, so that no writer takes its rows for superseded ones.
 *
 * @param joinKeys  of the view's entity
 * @param returns   how often the view came back to this definition
 */
export function definitionIdOf(
  view: Omit<FeatureView, 'definitionId'>,
  joinKeys: readonly JoinKey[],
  returns = 0,
): number {
  const logic = rowLogicOf(view, joinKeys);
  return xxHash32(canonicalJson(returns === 0 ? logic : { logic, returns }));
}

/** The definition id of an on-demand view. It has no rows, so one that comes back may have its earlier id. */
export function onDemandIdOf(view: Omit<OnDemandView, 'definitionId'>): number {
  return xxHash32(canonicalJson(onDemandLogicOf(view)));
}

/**
 * The definition id under which a view is applied: its present id while its row logic stays in force, otherwise one
 * that the view never had.
 *
 * @param past  every schema the view ever had, in the order applied
 */
export function appliedDefinitionId(
  view: Omit<FeatureView, 'definitionId'>,
  joinKeys: readonly JoinKey[],
  past: readonly RowSchema[],
): number {
  let id = definitionIdOf(view, joinKeys);
  for (let returns = 1; past.slice(0, -1).some((schema) => schema.definitionId === id); returns++)
    id = definitionIdOf(view, joinKeys, returns);
  return id;
}

/** How often a view may return to a definition and still read the rows that it had before. */
const RETURNS_READ = 64;

/**
 * The definition ids of one row logic: what rows of a view's history count under. Each time that a view came back to
 * it, it took a new id; rows of the older ones mean the same.
 *
 * @returns the view's own id last
 */
export function countingIds(view: FeatureView, joinKeys: readonly JoinKey[]): number[] {
  const ids: number[] = [];
  for (let returns = 0; returns <= RETURNS_READ; returns++) {
    const id = definitionIdOf(view, joinKeys, returns);
    ids.push(id);
    if (id === view.definitionId) return ids;
  }
  return [view.definitionId];
}

function aggregationToJson(feature: Feature): Json {
  const a = feature.aggregation;
  if (a === null) return null;
  const columnType = a.columnType === null ? null : formatType(a.columnType);
  return { ...a, columnType, sessionUs: a.sessionUs ?? undefined };
}

/** @param entity  the view's, in the same bundle */
export function rowSchemaOf(view: RowFields, entity: Pick<Entity, 'name' | 'joinKeys'>): RowSchema {
  return {
    definitionId: view.definitionId,
    entity: entity.name,
    joinKeys: entity.joinKeys.map(({ name, type }) => ({ name, type })),
    features: view.features.map(({ name, type }) => ({ name, type })),
  };
}

export function rowSchemaToJson(schema: RowSchema): JsonObject {
  return {
    definitionId: schema.definitionId,
    entity: schema.entity,
    joinKeys: schema.joinKeys as unknown as Json,
    features: schema.features.map((f) => ({ name: f.name, type: formatType(f.type) })),
  };
}

/**
 * @param text  as the online store holds it, where anybody who may write there can put any text
 * @throws      TypeError when it is no schema
 */
export function rowSchemaFromText(text: string): RowSchema {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (error) {
    throw new TypeError(noSchema('other text'), { cause: error });
  }
  return rowSchemaFromJson(json);
}

/** @throws TypeError when the JSON is no schema */
export function rowSchemaFromJson(json: Json): RowSchema {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new TypeError(
      noSchema(json === null ? 'null' : Array.isArray(json) ? 'a list' : `a ${typeof json}`),
    );
  const { definitionId, entity, joinKeys, features } = json as unknown as {
    definitionId: number;
    entity: string;
    joinKeys: JoinKey[];
    features: { name: string; type: string }[];
  };
  if (typeof entity !== 'string' || !Array.isArray(joinKeys))
    throw new TypeError('a stored schema does not say whose rows it is of: materialize again');
  if (!Number.isInteger(definitionId)) throw new TypeError(noSchema('one without a definition id'));
  if (!isNamedList(joinKeys) || !isNamedList(features))
    throw new TypeError(noSchema('one whose keys or features have no name and type'));
  return {
    definitionId,
    entity,
    joinKeys: joinKeys.map(({ name, type }) => ({ name, type })),
    features: features.map((f) => ({ name: f.name, type: typeOf(f.type) })),
  };
}

function noSchema(got: string): string {
  return `a stored schema should be an object with definitionId, entity, joinKeys and features, got ${got}: materialize again`;
}

function isNamedList(list: unknown): boolean {
  if (!Array.isArray(list)) return false;
  const items = list as readonly ({ name?: unknown; type?: unknown } | null)[];
  return items.every((item) => typeof item?.name === 'string' && typeof item.type === 'string');
}

/**
 * Whether the rows of both are found by the same keys. An online key holds the values of join keys without their names:
 * after `from` and `to` became `source` and `at`, `fstore:trip:1|2` is another trip, and an older row is not its row.
 */
export function haveSameKeys(a: RowSchema, b: RowSchema): boolean {
  return (
    a.entity === b.entity &&
    a.joinKeys.length === b.joinKeys.length &&
    a.joinKeys.every(({ name, type }, i) => name === b.joinKeys[i]!.name && type === b.joinKeys[i]!.type)
  );
}

export function viewToJson(view: FeatureView): JsonObject {
  return {
    ...view,
    source: sourceToJson(view.source),
    features: view.features.map(featureToJson),
  } as unknown as JsonObject;
}

function featureToJson(feature: Feature): JsonObject {
  const { column, ...rest } = feature;
  return {
    ...rest,
    ...(column === null ? {} : { column }),
    type: formatType(feature.type),
    missing: valueToJson(feature.type, feature.missing),
    examples: feature.examples.map((value) => valueToJson(feature.type, value)),
    aggregation: aggregationToJson(feature),
  } as unknown as JsonObject;
}

const inputToJson = (input: RequestInput): JsonObject => ({ ...input, type: formatType(input.type) });
const inputFromJson = (json: JsonObject): RequestInput => {
  return { ...(json as unknown as RequestInput), type: typeOf(json['type'] as string) };
};

/** Samples are for an apply alone, and stay out of the bundle. */
export function onDemandToJson(view: OnDemandView): JsonObject {
  return {
    ...view,
    samples: undefined,
    inputs: view.inputs.map(inputToJson),
    features: view.features.map(featureToJson),
  } as unknown as JsonObject;
}

function onDemandFromJson(json: JsonObject): OnDemandView {
  const raw = json as unknown as Omit<OnDemandView, 'inputs' | 'features' | 'samples'>;
  return {
    ...raw,
    inputs: (json['inputs'] as unknown as JsonObject[]).map(inputFromJson),
    features: (json['features'] as unknown as JsonObject[]).map(featureFromJson),
    samples: [],
  };
}

/** A service that takes nothing on demand has the text that it always had. */
export function serviceToJson({ onDemand, inputs, ...service }: FeatureService): JsonObject {
  return {
    ...service,
    ...(onDemand.length === 0 ? {} : { onDemand }),
    ...(inputs.length === 0 ? {} : { inputs: inputs.map(inputToJson) }),
  } as unknown as JsonObject;
}

function serviceFromJson(json: JsonObject): FeatureService {
  const {
    onDemand = [],
    inputs = [],
    ...service
  } = json as unknown as Omit<FeatureService, 'inputs'> & {
    inputs?: JsonObject[];
  };
  return { ...service, onDemand, inputs: inputs.map(inputFromJson) };
}

function viewFromJson(json: Json): FeatureView {
  const raw = json as unknown as Omit<FeatureView, 'features' | 'source'> & {
    source: Json;
    features: readonly JsonObject[];
  };
  return { ...raw, source: sourceFromJson(raw.source), features: raw.features.map(featureFromJson) };
}

function featureFromJson(json: JsonObject): Feature {
  const raw = json as unknown as Omit<Feature, 'column'> & { type: string; column?: string };
  const type = typeOf(raw.type);
  const aggregation = raw.aggregation as unknown as { columnType: string | null } | null;
  const columnType =
    aggregation === null || aggregation.columnType === null ? null : typeOf(aggregation.columnType);
  return {
    ...raw,
    column: raw.column ?? null,
    type,
    missing: valueOf(type, json['missing']!),
    examples: (json['examples'] as readonly Json[]).map((value) => valueOf(type, value)),
    aggregation:
      raw.aggregation === null
        ? null
        : { ...raw.aggregation, sessionUs: raw.aggregation.sessionUs ?? null, columnType },
  };
}

function valueOf(type: ValueType, json: Json) {
  const value = valueFromJson(type, json);
  if (value instanceof ValueFault)
    throw new TypeError(`a stored definition does not fit its own type: ${value.fault}`);
  return value;
}

function typeOf(text: string): ValueType {
  const type = parseType(text);
  if (type === null) throw new TypeError(`a stored definition has the unknown type ${givenText(text)}`);
  return type;
}

/**
 * 3: the schemas of rows also hold their join keys. 4: there are on-demand views. 5: there are streams and tables. 6:
 * there are whole snapshots (`absent: delete`). A bundle is written in the earliest format that holds what it has, and
 * so keeps its hash, and earlier programs read it.
 */
export const BUNDLE_FORMAT = 6;
const WITHOUT_SNAPSHOTS = 5;
const WITHOUT_STREAMS = 4;
const WITHOUT_ON_DEMAND = 3;
/** Those that are read. */
export const BUNDLE_FORMATS: ReadonlySet<number> = new Set([
  WITHOUT_ON_DEMAND,
  WITHOUT_STREAMS,
  WITHOUT_SNAPSHOTS,
  BUNDLE_FORMAT,
]);

/** @returns whether the JSON says that it is a bundle of this format; it may be damaged all the same */
export function isOfThisFormat(json: Json): boolean {
  const format = (json as { readonly format?: unknown } | null)?.format;
  return typeof format === 'number' && BUNDLE_FORMATS.has(format);
}

function formatOf({ views, onDemand }: Omit<Bundle, 'hash'>): number {
  if ([...views.values()].some(({ kind }) => kind === 'snapshot')) return BUNDLE_FORMAT;
  if ([...views.values()].some(({ source }) => source.stream !== undefined || source.table !== undefined))
    return WITHOUT_SNAPSHOTS;
  return onDemand.size > 0 ? WITHOUT_STREAMS : WITHOUT_ON_DEMAND;
}

export function bundleToJson(bundle: Omit<Bundle, 'hash'>): JsonObject {
  const onDemand = [...bundle.onDemand.values()].map(onDemandToJson);
  return {
    format: formatOf(bundle),
    project: bundle.project,
    entities: [...bundle.entities.values()] as unknown as Json,
    views: [...bundle.views.values()].map(viewToJson),
    ...(onDemand.length === 0 ? {} : { onDemand }),
    services: [...bundle.services.values()].map(serviceToJson),
    schemas: Object.fromEntries(
      [...bundle.schemas].map(([id, schemas]) => [id, schemas.map(rowSchemaToJson)]),
    ),
  };
}

/**
 * @param hash  of its canonical text, where that is known: to make the text again takes a third of the whole
 * @throws TypeError when the JSON is no bundle, REG_BUNDLE when it is one of another format or a field does not fit
 */
export function bundleFromJson(json: Json, hash?: string): Bundle {
  const raw = json as unknown as {
    format: number;
    project: string;
    entities: Entity[];
    views: Json[];
    onDemand?: Json[];
    services: JsonObject[];
    schemas: Record<string, Json[]>;
  };
  if (raw === null || typeof raw !== 'object' || typeof raw.format !== 'number')
    throw new TypeError('this is no bundle');
  if (!isOfThisFormat(json)) {
    const other = raw.format < BUNDLE_FORMAT ? 'an earlier' : 'a later';
    throw registryError(
      'REG_BUNDLE',
      `the bundle has format ${raw.format}, of ${other} version of plumb; this one reads format ${BUNDLE_FORMAT}: apply again`,
      { field: 'format' },
    );
  }
  const fault = faultOfBundle(json);
  if (fault !== null) throw registryError('REG_BUNDLE', fault.sentence, { field: fault.field });
  const views = raw.views.map(viewFromJson);
  const onDemand = (raw.onDemand ?? []).map((one) => onDemandFromJson(one as JsonObject));
  const services = raw.services.map(serviceFromJson);
  return {
    project: raw.project,
    hash: hash ?? bundleHash(canonicalJson(json)),
    entities: new Map(raw.entities.map((entity) => [entity.name, entity])),
    views: new Map(views.map((view) => [view.id, view])),
    onDemand: new Map(onDemand.map((view) => [view.id, view])),
    services: new Map(services.map((service) => [service.name, service])),
    schemas: new Map(Object.entries(raw.schemas).map(([id, list]) => [id, list.map(rowSchemaFromJson)])),
  };
}

/** @param canonical  the bundle's canonical JSON */
export function bundleHash(canonical: string): string {
  return xxHash64(canonical).toString(16).padStart(16, '0');
}
