/**
 * A Feast registry as definitions: its entities, views and services, and a list of what has no counterpart. Nothing is
 * guessed in silence: what is left out, or taken otherwise than Feast does, is in the list.
 */
import { formatDuration } from '../../contract/std/duration.ts';
import { isObject, schemeOf } from '../../contract/std/files/local-path.ts';
import type {
  FeastEntity,
  FeastField,
  FeastOnDemandView,
  FeastProjection,
  FeastRegistry,
  FeastService,
  FeastSource,
  FeastView,
} from './feast-registry.ts';

/** What could not be taken over as it is. */
interface FeastNote {
  /** `view driver_stats`, `feature driver_stats:profile` */
  readonly of: string;
  readonly why: string;
}

interface FeastDefinitions {
  /** Each a document of YAML. */
  readonly documents: readonly object[];
  readonly notes: readonly FeastNote[];
}

/** By the number of Feast's ValueType. */
const TYPES: Readonly<Record<number, string>> = {
  1: 'bytes',
  2: 'string',
  3: 'int32',
  4: 'int64',
  5: 'float64',
  6: 'float32',
  7: 'bool',
  8: 'timestamp',
  11: 'list<bytes>',
  12: 'list<string>',
  13: 'list<int32>',
  14: 'list<int64>',
  15: 'list<float64>',
  16: 'list<float32>',
  17: 'list<bool>',
  18: 'list<timestamp>',
};
const FLOAT_LIST = 16;
const UNTYPED: Readonly<Record<number, string>> = {
  0: 'no type is said',
  20: 'a Map says no type of its values: write map<float64>, or whatever they are',
  32: 'Json has no counterpart: take it as string, or its parts as features',
  34: 'a Struct is written by hand: struct<name: type, ...>',
};
/** Feast's entity of views that have none. */
const DUMMY = '__dummy';

export class FeastImport {
  readonly #registry: FeastRegistry;
  readonly #pathOf: (uri: string) => string;
  readonly #typeOf: (source: string, column: string) => Promise<string | null>;
  readonly #notes: FeastNote[] = [];
  readonly #documents: object[] = [];
  /** Names of views that are written, with the features that they have. */
  readonly #views = new Map<string, ReadonlySet<string>>();
  readonly #joinKeys = new Map<string, Readonly<Record<string, string>>>();

  /**
   * @param pathOf  where a file of the repository lies, as the project writes it
   * @param typeOf  the type of a column of a source's files; null: they are not there, or it is no type of join keys
   */
  constructor(
    registry: FeastRegistry,
    pathOf: (uri: string) => string,
    typeOf: (source: string, column: string) => Promise<string | null>,
  ) {
    this.#registry = registry;
    this.#pathOf = pathOf;
    this.#typeOf = typeOf;
  }

  async definitions(): Promise<FeastDefinitions> {
    const { featureViews, streamFeatureViews, onDemandFeatureViews, featureServices } = this.#registry;
    for (const spec of byName([...featureViews, ...streamFeatureViews])) await this.#addView(spec);
    for (const spec of byName(onDemandFeatureViews)) this.#tellOnDemand(spec);
    for (const spec of byName(featureServices)) this.#addService(spec);
    this.#tellRest();
    return { documents: this.#documents, notes: this.#notes };
  }

  #note(of: string, why: string): void {
    this.#notes.push({ of, why });
  }

  async #addView(view: FeastView): Promise<void> {
    const name = this.#named('view', view.name);
    const of = `view ${name}`;
    if (view.entities.filter((one) => one !== DUMMY).length === 0)
      return this.#note(of, 'it has no entity: left out. Give its rows a key of one value.');
    this.#tellMakers(of, view);
    const source = this.#sourceOf(name, view.batchSource ?? view.streamSource?.batchSource ?? null);
    const features = this.#featuresOf(name, view, source.mapping);
    if (Object.keys(features).length === 0)
      return this.#note(
        of,
        'no feature is left: left out. `feast apply` infers them: import its registry file.',
      );
    const entity = await this.#entityOf(name, view, source.parquet);
    const seconds = view.ttl?.seconds ?? 0;
    this.#documents.push({
      featureView: name,
      ...texts(view),
      entity,
      source: source.yaml,
      ...(seconds === 0 ? {} : { ttl: formatDuration(seconds * 1_000_000) }),
      features,
    });
    this.#views.set(view.name, new Set(Object.keys(features)));
  }

  /** What else than files makes a view's rows. */
  #tellMakers(of: string, view: FeastView): void {
    const { streamSource, aggregations = [] } = view;
    if (streamSource?.kafkaOptions)
      this.#note(
        of,
        `its topic ${streamSource.kafkaOptions.topic} is not read: its batch source is. For the topic define a source of a stream.`,
      );
    else if (streamSource !== null)
      this.#note(
        of,
        'there is no push: its batch source is read. Messages come in as a stream (docs/streams.md).',
      );
    for (const { column, function: name, timeWindow } of aggregations)
      this.#note(
        of,
        `an aggregation is written by hand: { agg: ${name === 'mean' ? 'avg' : name}, column: ${column}, window: ${formatDuration((timeWindow?.seconds ?? 0) * 1_000_000)} }`,
      );
    if ((view.featureTransformation ?? view.userDefinedFunction ?? null) !== null)
      this.#note(of, 'its function is Python, and is not run: its rows are read as its source has them.');
  }

  #sourceOf(
    view: string,
    source: FeastSource | null,
  ): { yaml: object; mapping: Readonly<Record<string, string>>; parquet: string | null } {
    const times = {
      eventTime: source?.timestampField || 'event_timestamp',
      ...(source?.createdTimestampColumn ? { createdTime: source.createdTimestampColumn } : {}),
    };
    // Feast maps a column of the source to the name of a feature; a feature here names its column.
    const renamed = Object.entries(source?.fieldMapping ?? {}).map(([column, name]) => [name, column]);
    const mapping = Object.fromEntries(renamed) as Record<string, string>;
    const { format, uri, what } = placeOf(source);
    const scheme = uri === null ? null : schemeOf(uri);
    if (uri !== null && format !== null && (scheme === null || scheme === 'file' || isObject(uri))) {
      const path = this.#pathOf(uri);
      return { yaml: { [format]: path, ...times }, mapping, parquet: format === 'parquet' ? path : null };
    }
    const path = `data/${view}.parquet`;
    this.#note(
      `view ${view}`,
      `${what} is not read here: export it to ${path}, or name Parquet, Delta or Iceberg in its place.`,
    );
    return { yaml: { parquet: path, ...times }, mapping, parquet: path };
  }

  #featuresOf(
    view: string,
    { features }: FeastView,
    mapping: Readonly<Record<string, string>>,
  ): Record<string, object> {
    const written: Record<string, object> = {};
    for (const field of features) {
      const type = this.#typeOfField(`feature ${view}:${field.name}`, field);
      if (type === null) continue;
      const name = this.#named('feature', field.name);
      const column = mapping[field.name] ?? (name === field.name ? null : field.name);
      written[name] = { type, ...texts(field), ...(column === null ? {} : { column }) };
    }
    return written;
  }

  #typeOfField(of: string, { valueType, vectorLength }: FeastField): string | null {
    if (valueType === FLOAT_LIST && vectorLength > 0) return `embedding(${vectorLength})`;
    const type = TYPES[valueType];
    if (type !== undefined) return type;
    this.#note(of, `left out: ${UNTYPED[valueType] ?? `Feast's type ${valueType} has no counterpart`}`);
    return null;
  }

  /** The entity of a view; one of several of Feast's has the keys of all. */
  async #entityOf(
    view: string,
    { entities, entityColumns }: FeastView,
    parquet: string | null,
  ): Promise<string> {
    const parts = entities.map(
      (one) => this.#registry.entities.find(({ spec }) => spec.name === one)?.spec ?? null,
    );
    const keys: Record<string, string> = {};
    for (const [i, part] of parts.entries()) {
      const key = part?.joinKey || entities[i]!;
      const said = part?.valueType || entityColumns.find(({ name }) => name === key)?.valueType || 0;
      keys[key] = await this.#keyType(`entity ${entities[i]!}`, key, { said: TYPES[said] ?? null, parquet });
    }
    const name = this.#named('entity', entities.join('_'));
    const before = this.#joinKeys.get(name);
    if (before === undefined) {
      this.#joinKeys.set(name, keys);
      const only = parts.length === 1 ? parts[0]! : null;
      this.#documents.unshift({ entity: name, ...(only === null ? {} : texts(only)), joinKeys: keys });
      if (parts.length > 1)
        this.#note(`view ${view}`, `its entities ${entities.join(', ')} are one here, ${name}`);
    }
    return name;
  }

  async #keyType(
    of: string,
    key: string,
    { said, parquet }: { readonly said: string | null; readonly parquet: string | null },
  ): Promise<string> {
    if (said !== null && ['string', 'int32', 'int64'].includes(said)) return said;
    const found = parquet === null ? null : await this.#typeOf(parquet, key);
    if (found !== null) return found;
    const why = said === null ? 'no type is said' : `keys of type ${said} are none here`;
    if (!this.#notes.some((note) => note.of === of)) this.#note(of, `${why}: ${key} is taken for a string`);
    return 'string';
  }

  #tellOnDemand({ name, features, sources }: FeastOnDemandView): void {
    const inputs = Object.values(sources).flatMap(
      (one) => one.requestDataSource?.requestDataOptions?.schema ?? [],
    );
    const takes = inputs.map((field) => `${field.name}: ${TYPES[field.valueType] ?? '?'}`).join(', ');
    const gives = features.map((field) => `${field.name}: ${TYPES[field.valueType] ?? '?'}`).join(', ');
    this.#note(
      `on-demand view ${name}`,
      `its function is Python: write it in TypeScript as onDemandView: ${name}, inputs { ${takes} }, features { ${gives} } (docs/on-demand.md).`,
    );
  }

  #addService(service: FeastService): void {
    const name = this.#named('service', service.name);
    const of = `service ${name}`;
    const items = service.features.flatMap((one) => this.#itemsOf(of, one));
    if (service.loggingConfig !== null)
      this.#note(of, 'its logging is not taken over: every vector is logged here (docs/vector-log.md).');
    if (items.length === 0) return this.#note(of, 'no feature is left: left out.');
    this.#documents.push({ featureService: name, ...texts(service), features: items });
  }

  #itemsOf(of: string, projection: FeastProjection): (string | object)[] {
    const { featureViewName, featureViewNameAlias, featureColumns, joinKeyMap } = projection;
    const has = this.#views.get(featureViewName);
    if (has === undefined) {
      this.#note(of, `without ${featureViewName}, which is not taken over`);
      return [];
    }
    const view = asName(featureViewName);
    const wanted = featureColumns.map((field) => asName(field.name)).filter((feature) => has.has(feature));
    const isWhole = wanted.length === has.size;
    const isRole = featureViewNameAlias !== '' || Object.keys(joinKeyMap).length > 0;
    if (isRole) {
      const as = asName(featureViewNameAlias || Object.values(joinKeyMap).join('_'));
      const keys = Object.keys(joinKeyMap).length === 0 ? {} : { joinKeys: joinKeyMap };
      return [{ view, as, ...keys, ...(isWhole ? {} : { features: wanted }) }];
    }
    return isWhole ? [view] : wanted.map((feature) => `${view}:${feature}`);
  }

  #tellRest(): void {
    const { labelViews, savedDatasets, validationReferences, permissions } = this.#registry;
    for (const { spec } of labelViews)
      this.#note(`label view ${spec.name}`, 'labels are files of `plumb train --labels`: left out.');
    if (savedDatasets.length > 0)
      this.#note('saved datasets', 'left out: `plumb train` keeps a manifest of each set that it makes.');
    if (validationReferences.length > 0)
      this.#note(
        'validation references',
        'left out: the monitor judges each day by itself (docs/monitor.md).',
      );
    if (permissions.length > 0) this.#note('permissions', 'left out.');
  }

  #named(kind: string, name: string): string {
    const own = asName(name);
    if (own !== name && !this.#notes.some((note) => note.of === `${kind} ${name}`))
      this.#note(`${kind} ${name}`, `it is called ${own} here: names are letters, digits and _`);
    return own;
  }
}

/** Feast gives them in the order of a set. */
function byName<T extends { readonly name: string }>(all: readonly { readonly spec: T }[]): T[] {
  return all.map(({ spec }) => spec).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function asName(name: string): string {
  return name
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^[^A-Za-z]+/, 'f_')
    .replace(/_+$/, '');
}

/** What the kinds of definitions share; tags, of which Feast keeps values, too. */
function texts(of: Partial<Pick<FeastEntity, 'description' | 'owner' | 'tags'>>): object {
  const tags = Object.entries(of.tags ?? {}).map(([name, value]) =>
    value === '' ? name : `${name}:${value}`,
  );
  return {
    ...(of.description ? { description: of.description } : {}),
    ...(of.owner ? { owner: of.owner } : {}),
    ...(tags.length === 0 ? {} : { tags }),
  };
}

/** Where a source's rows lie, as far as files hold them; else what it is, for people. */
function placeOf(source: FeastSource | null): {
  readonly format: 'parquet' | 'delta' | 'iceberg' | null;
  readonly uri: string | null;
  readonly what: string;
} {
  if (source === null) return { format: null, uri: null, what: 'its source' };
  const { fileOptions, sparkOptions } = source;
  if (fileOptions) {
    const isDelta = (fileOptions.fileFormat?.['deltaFormat'] ?? null) !== null;
    return {
      format: isDelta ? 'delta' : 'parquet',
      uri: fileOptions.uri,
      what: `the file ${fileOptions.uri}`,
    };
  }
  if (sparkOptions && sparkOptions.path !== '') {
    const lake = sparkOptions.tableFormat ?? {};
    const has = (name: string): boolean => (lake[name] ?? null) !== null;
    const format = has('deltaFormat') ? 'delta' : has('icebergFormat') ? 'iceberg' : null;
    const plain = sparkOptions.fileFormat === 'parquet' ? 'parquet' : null;
    const own = format ?? plain;
    return {
      format: own,
      uri: sparkOptions.path,
      what: `Spark's ${sparkOptions.fileFormat} at ${sparkOptions.path}`,
    };
  }
  const tables = {
    BigQuery: source.bigqueryOptions,
    Redshift: source.redshiftOptions,
    Snowflake: source.snowflakeOptions,
    Trino: source.trinoOptions,
    Athena: source.athenaOptions,
    Spark: sparkOptions,
  };
  for (const [store, table] of Object.entries(tables))
    if (table) return { format: null, uri: null, what: `${store}'s ${table.table || 'query'}` };
  const kind = source.dataSourceClassType.split('.').at(-1) || 'source';
  return { format: null, uri: null, what: `the ${kind} ${source.name}` };
}
