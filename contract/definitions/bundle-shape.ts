/**
 * What a bundle's JSON must look like before anything is made of it. Its hash shows that it arrived whole, not that its
 * content is safe: names become paths, columns and keys, and numbers stand in SQL. The rules are those that a plan
 * applies to definitions; descriptions, owners and tags, which no program acts on, are not checked.
 */
import { z } from 'zod';
import { parseExpression } from '../expression/syntax.ts';
import { isOfEvents, OF_SESSIONS } from '../aggregation/result-type.ts';
import { AGGREGATE_FUNCTIONS, NEWEST_MAX } from '../model.ts';
import type { Json } from '../std/canonical-json.ts';
import { givenText } from '../std/given-text.ts';
import { parseType } from '../value-type.ts';
import { ValueFault, valueFromJson } from '../wire/online/json-value.ts';
import { faultOfName, isReserved, MAX_NAME } from './name.ts';
import { optionSentence, valueAt } from './option-sentence.ts';
import { areFeatures, areRowFields, areServedFeatures, areServedViews } from './plain-parts.ts';
import { STREAM_SHAPE } from './stream-json.ts';

/** @param more  what may stand behind the name */
function nameOf(what: string, more?: RegExp) {
  return z.string().superRefine((given, context) => {
    const fault = faultOfName(what, more === undefined ? given : given.replace(more, ''));
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  });
}

const name = nameOf('the name');
/** Join keys and features are columns of the history, beside others. */
const columnName = name.refine((given) => !isReserved(given), 'the history has a column of this name');
/** A view's name, with its number from the second version on. */
const viewId = nameOf('the view', /@v[1-9][0-9]{0,8}$/);
/** A source that is written within a view is named after the view's id. */
const sourceName = nameOf('the source', /(@v[1-9][0-9]{0,8})?(:source)?$/);
/** A column of a source or a path: any text that a file system and SQL take. */
const text = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'expected text without a NUL');
const type = z.string().refine((given) => parseType(given) !== null, 'expected a type');
const expression = text.superRefine((given, context) => {
  try {
    parseExpression(given);
  } catch (error) {
    const message = `expected an expression (${(error as Error).message}), got ${givenText(given)}`;
    context.addIssue({ code: 'custom', message });
  }
});
const count = z.int().nonnegative();
const definitionId = count.max(0xffff_ffff);
const log = z.enum(['raw', 'hmac', 'drop']);
/** Callers are told of it. */
const deprecated = z.object({ date: z.string(), successor: z.string().nullable() }).nullish();
const key = z.object({ name: columnName, type: z.enum(['string', 'int32', 'int64']) });

/** A list in which no name comes twice: programs look things up by name, and engines take no heed of its case. */
function distinct<Item extends z.ZodType>(item: Item, named: (value: z.output<Item>) => string) {
  return z.array(item).superRefine((items, context) => {
    const names = items.map((one) => named(one).toLowerCase());
    const at = names.findIndex((one, i) => names.indexOf(one) < i);
    if (at !== -1)
      context.addIssue({ code: 'custom', path: [at], message: `"${named(items[at]!)}" is there twice` });
  });
}

const keys = distinct(key, (one) => one.name).min(1);

/**
 * A list of which bundles hold thousands of items.
 *
 * @param arePlain  takes lists that are surely right; the schema takes what it will of the others, and says what is
 *                  wrong
 */
function plainOr<List extends z.ZodType>(arePlain: (given: unknown) => boolean, schema: List) {
  return z.custom<z.output<List>>().superRefine((given, context) => {
    if (arePlain(given)) return;
    // What is wrong is not looked at any further.
    for (const issue of schema.safeParse(given).error?.issues ?? [])
      context.addIssue({ ...issue, continue: false } as z.core.$ZodSuperRefineIssue);
  });
}

const aggregation = z
  .object({
    function: z.enum(AGGREGATE_FUNCTIONS),
    column: text.nullable(),
    columnType: type.nullable(),
    windowUs: count.min(1).nullable(),
    sessionUs: count.min(1).optional(),
    scale: count.max(22),
    n: count.max(NEWEST_MAX),
    percentile: z.number().min(0).lt(1),
  })
  .superRefine((one, context) => {
    if (one.sessionUs === undefined ? one.function === 'duration' : !OF_SESSIONS.includes(one.function))
      context.addIssue({ code: 'custom', path: ['sessionUs'], message: `expected none of ${one.function}` });
    if (one.column === null && !isOfEvents(one.function))
      context.addIssue({ code: 'custom', path: ['column'], message: `expected a column to ${one.function}` });
    if ((one.n === 0) !== (one.function !== 'lastN'))
      context.addIssue({ code: 'custom', path: ['n'], message: 'expected at least 1 of lastN, else 0' });
    if ((one.column === null) !== (one.columnType === null)) {
      const message = one.column === null ? 'expected null, as the column is' : "expected the column's type";
      context.addIssue({ code: 'custom', path: ['columnType'], message });
    }
  });

const feature = z
  .object({
    name: columnName,
    column: text.nullable().optional(),
    type,
    missing: z.unknown(),
    tolerance: z.number().nonnegative().nullable(),
    log,
    checks: z
      .object({
        min: z.number().nullable(),
        max: z.number().nullable(),
        maxNullShare: z.number().min(0).max(1).nullable(),
      })
      .nullable(),
    examples: z.array(z.unknown()),
    deprecated,
    aggregation: aggregation.nullable(),
  })
  .superRefine((one, context) => {
    const of = parseType(one.type);
    if (of === null) return;
    const values: [PropertyKey[], unknown][] = one.examples.map((value, i) => [['examples', i], value]);
    for (const [path, value] of [[['missing'], one.missing] as const, ...values]) {
      const read = valueFromJson(of, value as Json);
      if (read instanceof ValueFault)
        context.addIssue({ code: 'custom', path: [...path], message: read.fault });
    }
  });

const source = z
  .object({
    name: sourceName,
    path: text,
    table: z.enum(['delta', 'iceberg']).optional(),
    eventTime: text,
    createdTime: text.nullable(),
    maxAheadUs: count.nullable(),
    stream: STREAM_SHAPE.optional(),
  })
  .refine(({ stream, eventTime }) => stream?.fields.some(({ name: own }) => own === eventTime) !== false, {
    path: ['eventTime'],
    message: 'expected a field of the stream',
  });

const view = z
  .object({
    id: viewId,
    name,
    version: count,
    kind: z.enum(['stored', 'snapshot', 'aggregated']),
    entity: name,
    source,
    where: expression.nullable(),
    select: distinct(z.object({ name: columnName, expression }), (one) => one.name),
    features: plainOr(
      areFeatures,
      distinct(feature, (one) => one.name),
    ),
    definitionId,
    ttlUs: count.nullable(),
    hopUs: count,
    delayUs: count,
    scheduleUs: count.nullable(),
    watermark: z.enum(['cutoff', 'events']),
    outOfOrderUs: count,
    freshnessUs: count,
    freshnessAlertUs: count,
    sourceFreshnessUs: count,
    latenessUs: count,
    startUs: z.int().nullable(),
    deprecated,
  })
  .superRefine(({ kind, hopUs, features }, context) => {
    const fault = (path: PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (kind === 'aggregated' && hopUs === 0) fault(['hopUs'], 'expected at least 1 of an aggregated view');
    for (const [i, one] of features.entries()) {
      const path = ['features', i, 'aggregation'];
      if (kind !== 'aggregated' && one.aggregation !== null) fault(path, `expected null in a ${kind} view`);
      if (kind === 'aggregated' && one.aggregation === null)
        fault(path, 'expected an aggregation in an aggregated view');
      const windowUs = one.aggregation?.windowUs ?? one.aggregation?.sessionUs ?? 0;
      if (hopUs > 0 && windowUs % hopUs !== 0)
        fault([...path, 'windowUs'], `expected a whole number of hops of ${hopUs}`);
    }
  });

const input = z
  .object({ name, type, optional: z.boolean(), requestTime: z.boolean(), log })
  .refine((one) => !one.requestTime || one.type === 'timestamp', {
    path: ['type'],
    message: 'expected timestamp, as the request time is',
  });

const onDemandView = z.object({
  id: viewId,
  name,
  version: count,
  inputs: distinct(input, (one) => one.name),
  uses: distinct(
    z.object({
      role: name,
      view: viewId,
      requestKeys: z.array(name),
      features: distinct(z.object({ feature: name, argument: text }), (one) => one.argument).min(1),
    }),
    (one) => one.role,
  ),
  features: distinct(feature, (one) => one.name).min(1),
  code: z.object({
    hash: z.string().regex(/^[0-9a-f]{64}$/, 'expected the hash of its syntax trees'),
    script: text,
    sourceMap: text.nullable(),
    anew: text.nullable().default(null),
    files: z.record(z.string(), text).nullable().default(null),
    file: text,
    line: count.min(1),
  }),
  // Bundles of before knew loops only.
  costly: text.nullable().default('was applied by an older plumb, which did not judge it; apply again'),
  isolated: z.boolean(),
  int64: z.enum(['number', 'bigint']),
  engine: text.optional(),
  definitionId,
  deprecated,
});

const service = z
  .object({
    name,
    version: count,
    features: plainOr(
      areServedFeatures,
      distinct(
        z.object({ fullName: z.string(), view: viewId, role: name, feature: name }),
        (one) => one.fullName,
      ),
    ),
    views: plainOr(
      areServedViews,
      distinct(z.object({ role: name, view: viewId, requestKeys: z.array(name).min(1) }), (one) => one.role),
    ),
    onDemand: distinct(
      z.object({ role: name, view: viewId, uses: z.array(name) }),
      (one) => one.role,
    ).default([]),
    requestKeys: distinct(key, (one) => one.name),
    inputs: distinct(input, (one) => one.name).default([]),
    tensor: z.enum(['float32', 'float64']),
    deprecated,
  })
  .superRefine(({ features, onDemand, requestKeys }, context) => {
    const fault = (path: PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const computed = new Set(onDemand.map(({ role }) => role));
    // What on-demand views compute may be called otherwise.
    for (const [i, { fullName, role, feature: own }] of features.entries()) {
      if (fullName === `${role}__${own}` || (computed.has(role) && faultOfName('', fullName) === null))
        continue;
      fault(['features', i, 'fullName'], 'expected the role and the feature, parted by "__"');
    }
    if (requestKeys.length === 0 && onDemand.length === 0)
      fault(['requestKeys'], 'expected at least 1 of them');
  });

const rowSchema = z.object({
  definitionId,
  entity: name,
  joinKeys: keys,
  features: plainOr(
    areRowFields,
    distinct(z.object({ name: columnName, type }), (one) => one.name),
  ),
});

const BUNDLE = z.object({
  project: z.string(),
  entities: distinct(z.object({ name, joinKeys: keys, log }), (one) => one.name),
  views: distinct(view, (one) => one.id),
  onDemand: distinct(onDemandView, (one) => one.id).default([]),
  services: distinct(service, (one) => one.name),
  schemas: z.record(viewId, z.array(rowSchema)),
});

type BundleShape = z.output<typeof BUNDLE>;

interface BundleFault {
  readonly field: string;
  readonly sentence: string;
}

const unknownName = (field: string, value: string): BundleFault => {
  return { field, sentence: `${field}: there is no "${value}"` };
};

/** Checks that every reference names a definition of the bundle. */
function faultOfReference(bundle: BundleShape): BundleFault | null {
  const entities = new Map(bundle.entities.map((one) => [one.name, one]));
  const views = new Map(bundle.views.map((one) => [one.id, one]));
  const computed = new Map(bundle.onDemand.map((one) => [one.id, one]));
  const features = new Map(
    [...computed.values(), ...views.values()].map((one) => [
      one.id,
      new Set(one.features.map(({ name: own }) => own)),
    ]),
  );
  for (const [i, { entity }] of bundle.views.entries())
    if (!entities.has(entity)) return unknownName(`views.${i}.entity`, entity);
  for (const [i, { id, uses }] of bundle.onDemand.entries()) {
    if (views.has(id)) return { field: `onDemand.${i}.id`, sentence: `onDemand.${i}.id: a view has "${id}"` };
    for (const [j, used] of uses.entries()) {
      const of = views.get(used.view) ?? computed.get(used.view);
      const missing = used.features.find((one) => !of?.features.some(({ name: own }) => own === one.feature));
      if (missing !== undefined)
        return unknownName(`onDemand.${i}.uses.${j}`, `${used.view}:${missing.feature}`);
    }
  }
  for (const [i, one] of bundle.services.entries()) {
    const at = `services.${i}`;
    for (const [j, used] of one.views.entries()) {
      const entity = entities.get(views.get(used.view)?.entity ?? '');
      if (entity === undefined) return unknownName(`${at}.views.${j}.view`, used.view);
      const missing = used.requestKeys.find((asked) =>
        one.requestKeys.every((given) => given.name !== asked),
      );
      const field = `${at}.views.${j}.requestKeys`;
      if (missing !== undefined) return unknownName(field, missing);
      if (used.requestKeys.length !== entity.joinKeys.length)
        return { field, sentence: `${field}: expected one for each of ${entity.joinKeys.length} join keys` };
    }
    const fault = faultOfOnDemand(one, at, computed) ?? faultOfFeatures(one, at, features);
    if (fault !== null) return fault;
  }
  return null;
}

/** Each stands after those that it uses, so that there is no circle; each input is there. */
function faultOfOnDemand(
  of: BundleShape['services'][number],
  at: string,
  computed: ReadonlyMap<string, BundleShape['onDemand'][number]>,
): BundleFault | null {
  const roles = new Map(of.views.map((used) => [used.role, used.view]));
  const given = new Set([...of.requestKeys, ...of.inputs].map(({ name: own }) => own));
  for (const [j, used] of of.onDemand.entries()) {
    const field = `${at}.onDemand.${j}`;
    const definition = computed.get(used.view);
    if (definition === undefined) return unknownName(`${field}.view`, used.view);
    const fits = definition.uses.length === used.uses.length;
    if (!fits || definition.uses.some((one, k) => roles.get(used.uses[k]!) !== one.view))
      return {
        field: `${field}.uses`,
        sentence: `${field}.uses: expected the roles that give ${used.view} its values`,
      };
    const missing = definition.inputs.find((one) => !given.has(one.name));
    if (missing !== undefined) return unknownName(`${at}.inputs`, missing.name);
    if (roles.has(used.role))
      return { field: `${field}.role`, sentence: `${field}.role: "${used.role}" is there twice` };
    roles.set(used.role, used.view);
  }
  return null;
}

function faultOfFeatures(
  of: BundleShape['services'][number],
  at: string,
  known: ReadonlyMap<string, ReadonlySet<string>>,
): BundleFault | null {
  const roles = new Map([...of.views, ...of.onDemand].map((used) => [used.role, used.view]));
  for (const [j, item] of of.features.entries()) {
    const isThere = known.get(item.view)?.has(item.feature);
    if (isThere !== true || roles.get(item.role) !== item.view)
      return unknownName(`${at}.features.${j}`, item.fullName);
  }
  return null;
}

/** @returns the first fault with its field; null: there is none */
export function faultOfBundle(json: unknown): BundleFault | null {
  const { data, error } = BUNDLE.safeParse(json);
  if (data !== undefined) return faultOfReference(data);
  const issue = error!.issues[0]!;
  const field = issue.path.map((part) => String(part).slice(0, MAX_NAME)).join('.');
  return { field, sentence: `${field}: ${optionSentence(issue, valueAt(json, issue.path))}` };
}
