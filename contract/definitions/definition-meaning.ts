/**
 * What each option of a definition means. The definition id (the hash of all that decides the meaning of a stored row)
 * and the guard (which says whom a change would break) both follow these tables. A new field of the model must be
 * entered here, or the types do not compile.
 *
 *   schema    what a row or a vector is made of: features, types, join keys
 *   row       row logic: what a stored row means
 *   reading   reading logic: which row counts and what stands in for one; no stored row changes with it
 *   location  where a source lies: neither
 *   metadata  the rest
 */
import { canonicalJson } from '../std/canonical-json.ts';
import type { Json } from '../std/canonical-json.ts';
import { formatDuration } from '../std/duration.ts';
import { formatTimestamp } from '../std/timestamp.ts';
import type {
  Aggregation,
  Feature,
  FeatureView,
  JoinKey,
  OnDemandView,
  RequestInput,
  Source,
} from '../model.ts';
import { expressionTypeOf } from '../expression/expression-type.ts';
import type { StreamField, StreamFormat, StreamSource } from '../stream-source.ts';
import { canonicalText } from '../expression/canonical-text.ts';
import { columnsOf, resolveExpression } from '../expression/resolve.ts';
import { parseExpression } from '../expression/syntax.ts';
import { formatType } from '../value-type.ts';
import { valueToJson } from '../wire/online/json-value.ts';
import { fieldsToJson } from './stream-json.ts';

export type Meaning = 'schema' | 'row' | 'reading' | 'location' | 'metadata';

/** One option: what people call it, what it means, and how its value is shown. */
export interface OptionMeaning<Of> {
  readonly option: string;
  readonly meaning: Meaning | ((before: Of, after: Of) => Meaning);
  readonly show?: (of: Of) => Json;
}

type Table<Of, Apart extends keyof Of = never> = {
  readonly [Field in Exclude<keyof Of, Apart>]: OptionMeaning<Of>;
};

const metadata = (option: string): OptionMeaning<unknown> => ({ option, meaning: 'metadata' });
const duration = (us: number | null): Json => (us === null ? null : formatDuration(us));

/**
 * Without id, name and version, which name a view, and the definition id; source and features have their own tables.
 */
export const VIEW_MEANING: Table<
  FeatureView,
  'id' | 'name' | 'version' | 'definitionId' | 'source' | 'features'
> = {
  kind: { option: 'kind', meaning: 'row' },
  entity: { option: 'entity', meaning: 'row' },
  ttlUs: { option: 'ttl', meaning: 'reading', show: (view) => duration(view.ttlUs) },
  hopUs: { option: 'hop', meaning: 'row', show: (view) => duration(view.hopUs) },
  delayUs: { option: 'delay', meaning: 'reading', show: (view) => duration(view.delayUs) },
  scheduleUs: { ...metadata('schedule'), show: (view) => duration(view.scheduleUs) },
  freshnessUs: { option: 'freshness', meaning: freshnessMeaning, show: (v) => duration(v.freshnessUs) },
  freshnessAlertUs: { ...metadata('freshness.alert'), show: (view) => duration(view.freshnessAlertUs) },
  watermark: { option: 'watermark', meaning: 'reading' },
  outOfOrderUs: { option: 'outOfOrder', meaning: 'reading', show: (view) => duration(view.outOfOrderUs) },
  startUs: {
    ...metadata('start'),
    show: ({ startUs }) => (startUs === null ? null : formatTimestamp(startUs)),
  },
  sourceFreshnessUs: { ...metadata('sourceFreshness'), show: (view) => duration(view.sourceFreshnessUs) },
  latenessUs: {
    option: 'lateness',
    meaning: (before, after) => (after.latenessUs < before.latenessUs ? 'reading' : 'metadata'),
    show: (view) => duration(view.latenessUs),
  },
  where: {
    option: 'where',
    meaning: 'row',
    show: ({ where }) => (where === null ? null : canonicalText(parseExpression(where))),
  },
  select: {
    option: 'select',
    meaning: 'row',
    show: ({ select }) =>
      Object.fromEntries(
        select.map(({ name, expression }) => [name, canonicalText(parseExpression(expression))]),
      ),
  },
  owner: metadata('owner'),
  team: metadata('team'),
  description: metadata('description'),
  tags: metadata('tags'),
  deprecated: metadata('deprecated'),
};

/** A stream has its own table; what a source is, files, a table or a stream, is row logic. */
export const SOURCE_MEANING: Table<Source, 'stream' | 'table'> = {
  name: metadata('source'),
  path: { option: 'source.path', meaning: 'location' },
  eventTime: { option: 'source.eventTime', meaning: 'row' },
  createdTime: { option: 'source.createdTime', meaning: 'row' },
  // It decides which events count, and so what a row says.
  maxAheadUs: { option: 'source.maxAhead', meaning: 'row', show: (source) => duration(source.maxAheadUs) },
};

export const STREAM_MEANING: Table<StreamSource> = {
  topic: { option: 'source.topic', meaning: 'location' },
  folder: { option: 'source.folder', meaning: 'location' },
  format: { option: 'source.format', meaning: 'row', show: ({ format }) => formatText(format) },
  fields: {
    option: 'source.fields',
    // A view's own logic has the fields that it reads: one that comes, or goes unread, changes none of its rows.
    meaning: (before, after) => (isSomeFieldChanged(before, after) ? 'row' : 'metadata'),
    show: ({ fields }) => fieldsToJson(fields),
  },
  id: { option: 'source.id', meaning: 'row' },
  keyedBy: { option: 'source.keyedBy', meaning: 'location' },
  op: { option: 'source.op', meaning: 'row' },
};

function isSomeFieldChanged(before: StreamSource, after: StreamSource): boolean {
  const text = (field: StreamField): string => canonicalJson(fieldsToJson([field]));
  return before.fields.some((field) => {
    const now = after.fields.find(({ name }) => name === field.name);
    return now !== undefined && text(now) !== text(field);
  });
}

/** What a stream is to one view: of its fields those that it reads. */
function streamLogicOf(
  { source, features, where, select }: Omit<FeatureView, 'definitionId'>,
  stream: StreamSource,
  joinKeys: readonly JoinKey[],
): Json {
  const types = new Map(stream.fields.map(({ name, type }) => [name, expressionTypeOf(type)]));
  const texts = [...(where === null ? [] : [where]), ...select.map(({ expression }) => expression)];
  const computed = texts.flatMap((text) => [...columnsOf(resolveExpression(parseExpression(text), types))]);
  const aggregated = features.map(({ aggregation }) => aggregation?.column ?? null);
  const told = [source.eventTime, stream.id, stream.op?.column ?? null];
  const read = new Set(
    [...joinKeys.map(({ name }) => name), ...told, ...aggregated, ...computed].map((name) =>
      name?.toLowerCase(),
    ),
  );
  const fields = stream.fields.filter(({ name }) => read.has(name.toLowerCase()));
  return { ...rowLogicIn(STREAM_MEANING, stream), fields: fieldsToJson(fields) };
}

/** A schema file says how values lie in the bytes; which values a message holds is what its fields say. */
function formatText(format: StreamFormat): Json {
  return format.kind === 'protobuf' ? `protobuf ${format.message}` : format.kind;
}

/** The aggregation has a table of its own. */
export const FEATURE_MEANING: Table<Feature, 'name' | 'aggregation'> = {
  column: { option: 'column', meaning: 'row' },
  type: { option: 'type', meaning: 'schema', show: (feature) => formatType(feature.type) },
  missing: {
    option: 'missing',
    meaning: 'reading',
    // The same number of another type of integer is the same fallback.
    show: ({ type, missing }) =>
      typeof missing === 'bigint' && Number.isSafeInteger(Number(missing))
        ? Number(missing)
        : valueToJson(type, missing),
  },
  tolerance: metadata('tolerance'),
  log: metadata('log'),
  checks: metadata('checks'),
  description: metadata('description'),
  tags: metadata('tags'),
  examples: {
    ...metadata('examples'),
    show: (feature) => feature.examples.map((value) => valueToJson(feature.type, value)),
  },
  normalization: metadata('normalization'),
  deprecated: metadata('deprecated'),
};

/** A session's gap is told as its window. */
export const AGGREGATION_MEANING: Table<Aggregation, 'sessionUs'> = {
  function: { option: 'agg', meaning: 'row' },
  column: { option: 'column', meaning: 'row' },
  columnType: {
    option: 'columnType',
    meaning: 'row',
    show: ({ columnType }) => (columnType === null ? null : formatType(columnType)),
  },
  windowUs: {
    option: 'window',
    meaning: 'row',
    show: ({ windowUs, sessionUs }) => {
      if (sessionUs !== null) return `session ${formatDuration(sessionUs)}`;
      return windowUs === null ? 'lifetime' : formatDuration(windowUs);
    },
  },
  scale: { option: 'scale', meaning: 'row' },
  n: { option: 'n', meaning: 'row' },
  percentile: { option: 'percentile', meaning: 'row' },
};

/** Without id, name and version, which name a view, and the definition id; features have their own table. */
export const ON_DEMAND_MEANING: Table<
  OnDemandView,
  'id' | 'name' | 'version' | 'definitionId' | 'features' | 'samples' | 'costly'
> = {
  inputs: { option: 'inputs', meaning: inputsMeaning, show: (view) => inputsText(view.inputs) },
  uses: {
    option: 'uses',
    meaning: 'row',
    show: ({ uses }) =>
      uses.map(({ role, view, requestKeys, features }) => {
        const named = features.map(({ feature, argument }) =>
          feature === argument ? feature : `${feature} as ${argument}`,
        );
        const by = requestKeys.length === 0 ? '' : ` by ${requestKeys.join(', ')}`;
        return `${view}${role === view ? '' : ` as ${role}`}${by}: ${named.join(', ')}`;
      }),
  },
  code: { option: 'code', meaning: 'row', show: ({ code }) => code.hash },
  int64: { option: 'int64', meaning: 'row' },
  isolated: metadata('isolated'),
  engine: metadata('engine'),
  owner: metadata('owner'),
  team: metadata('team'),
  description: metadata('description'),
  tags: metadata('tags'),
  deprecated: metadata('deprecated'),
};

/** What says nothing to a request or to the function; the rest is told by the view's `inputs`. */
export const INPUT_MEANING: Table<RequestInput, 'name' | 'type' | 'optional' | 'requestTime'> = {
  log: metadata('log'),
};

/** An input that may be left out breaks no request that was sent before it came; every other change does. */
function inputsMeaning(before: OnDemandView, after: OnDemandView): Meaning {
  const [old, now] = [inputsText(before.inputs), inputsText(after.inputs)];
  const added = after.inputs.filter((_, i) => !old.includes(now[i]!));
  const harmless = old.every((text) => now.includes(text)) && added.every(mayLack);
  return harmless ? 'row' : 'schema';
}

function mayLack({ optional, requestTime }: RequestInput): boolean {
  return optional || requestTime;
}

/** One text an input, in any order but their own, which no request knows. */
export function inputsText(inputs: readonly RequestInput[]): string[] {
  return inputs.map(({ name, type, optional, requestTime }) => {
    const kind = requestTime ? 'requestTime' : `${formatType(type)}${optional ? ', optional' : ''}`;
    return `${name} ${kind}`;
  });
}

/** An aggregated view withholds its rows once they are too old by its freshness; others do not. */
function freshnessMeaning(before: FeatureView, after: FeatureView): Meaning {
  if (after.kind !== 'aggregated') return 'metadata';
  // A freshness that was not given follows hop and delay, and the guard names the change of those.
  const follows = [before, after].every((view) => view.freshnessUs === usualFreshnessUs(view));
  const moved =
    before.hopUs !== after.hopUs ||
    before.delayUs !== after.delayUs ||
    before.outOfOrderUs !== after.outOfOrderUs;
  return follows && moved ? 'metadata' : 'reading';
}

const DAY_US = 86_400_000_000;

/** The default of freshness: the TTL, or, of an aggregated view, hop, delay and the time to the next run together. */
export function usualFreshnessUs(
  view: Pick<FeatureView, 'kind' | 'ttlUs' | 'hopUs' | 'delayUs' | 'outOfOrderUs' | 'scheduleUs'>,
): number {
  if (view.kind !== 'aggregated') return view.ttlUs ?? DAY_US;
  return view.hopUs + Math.max(view.delayUs, view.outOfOrderUs) + (view.scheduleUs ?? view.hopUs);
}

/** What decides the meaning of a view's rows: schema and row logic, as JSON. */
export function rowLogicOf(view: Omit<FeatureView, 'definitionId'>, joinKeys: readonly JoinKey[]): Json {
  return {
    id: view.id,
    joinKeys: joinKeys.map(({ name, type }) => ({ name, type })),
    ...rowLogicIn(VIEW_MEANING, view as FeatureView),
    source: {
      ...rowLogicIn(SOURCE_MEANING, view.source),
      ...(view.source.table === undefined ? {} : { table: view.source.table }),
      ...(view.source.stream === undefined
        ? {}
        : { stream: streamLogicOf(view, view.source.stream, joinKeys) }),
    },
    features: view.features.map((feature) => ({
      name: feature.name,
      ...rowLogicIn(FEATURE_MEANING, feature),
      aggregation: feature.aggregation === null ? null : rowLogicIn(AGGREGATION_MEANING, feature.aggregation),
    })),
  };
}

/** What decides the meaning of what a view computes on demand, as JSON. */
export function onDemandLogicOf(view: Omit<OnDemandView, 'definitionId'>): Json {
  return {
    id: view.id,
    inputs: inputsText(view.inputs),
    ...rowLogicIn(ON_DEMAND_MEANING, view as OnDemandView),
    features: view.features.map(({ name, type }) => ({ name, type: formatType(type) })),
  };
}

function rowLogicIn<Of extends object>(
  table: { readonly [field: string]: OptionMeaning<Of> },
  of: Of,
): { readonly [option: string]: Json } {
  const logic: Record<string, Json> = {};
  for (const [field, entry] of entriesOf(table))
    if (entry.meaning === 'row' || entry.meaning === 'schema') logic[entry.option] = shown(entry, field, of);
  return logic;
}

const entries = new WeakMap<object, readonly (readonly [string, unknown])[]>();

/** @returns the fields of a table of meanings with what they mean; each table is taken apart once */
export function entriesOf<Of extends object>(table: {
  readonly [field: string]: OptionMeaning<Of>;
}): readonly (readonly [field: string, entry: OptionMeaning<Of>])[] {
  const known = entries.get(table);
  if (known !== undefined) return known as readonly (readonly [string, OptionMeaning<Of>])[];
  const made = Object.entries(table);
  entries.set(table, made);
  return made;
}

/** @returns the value of one field as it is shown and hashed */
export function shown<Of extends object>(entry: OptionMeaning<Of>, field: string, of: Of): Json {
  return entry.show === undefined ? ((of as Record<string, Json>)[field] ?? null) : entry.show(of);
}
