/**
 * What a bundle's JSON must look like before anything is made of it. Its hash shows that it arrived whole, not that its
 * content is safe: names become paths, columns and keys, and numbers stand in SQL. The rules are those that a plan
 * applies to definitions; descriptions, owners and tags, which no program acts on, are not checked.
 */
import { z } from 'zod';
import { parseExpression } from '../expression/syntax.ts';
import { BUILT_AGGREGATES } from '../model.ts';
import type { Json } from '../std/canonical-json.ts';
import { givenText } from '../std/given-text.ts';
import { parseType } from '../value-type.ts';
import { ValueFault, valueFromJson } from '../wire/online/json-value.ts';
import { faultOfName, isReserved, MAX_NAME } from './name.ts';
import { optionSentence, valueAt } from './option-sentence.ts';

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
/** A source that is written within a view is named after the view. */
const sourceName = nameOf('the source', /:source$/);
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

const aggregation = z
  .object({
    function: z.enum(BUILT_AGGREGATES),
    column: text.nullable(),
    columnType: type.nullable(),
    windowUs: count.min(1).nullable(),
    scale: count.max(22),
    n: count.max(10_000),
    percentile: z.number().min(0).max(1),
  })
  .superRefine((one, context) => {
    if (one.column === null && one.function !== 'count')
      context.addIssue({ code: 'custom', path: ['column'], message: `expected a column to ${one.function}` });
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
    aggregation: aggregation.nullable(),
  })
  .superRefine((one, context) => {
    const of = parseType(one.type)!;
    const values: [PropertyKey[], unknown][] = one.examples.map((value, i) => [['examples', i], value]);
    for (const [path, value] of [[['missing'], one.missing] as const, ...values]) {
      const read = valueFromJson(of, value as Json);
      if (read instanceof ValueFault)
        context.addIssue({ code: 'custom', path: [...path], message: read.fault });
    }
  });

const view = z
  .object({
    id: viewId,
    name,
    version: count,
    kind: z.enum(['stored', 'aggregated']),
    entity: name,
    source: z.object({
      name: sourceName,
      path: text,
      eventTime: text,
      createdTime: text.nullable(),
      maxAheadUs: count.nullable(),
    }),
    where: expression.nullable(),
    select: distinct(z.object({ name: columnName, expression }), (one) => one.name),
    features: distinct(feature, (one) => one.name),
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
  })
  .superRefine(({ kind, hopUs, features }, context) => {
    const fault = (path: PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if (kind === 'aggregated' && hopUs === 0) fault(['hopUs'], 'expected at least 1 of an aggregated view');
    for (const [i, one] of features.entries()) {
      const path = ['features', i, 'aggregation'];
      if (kind === 'stored' && one.aggregation !== null) fault(path, 'expected null in a stored view');
      if (kind === 'aggregated' && one.aggregation === null)
        fault(path, 'expected an aggregation in an aggregated view');
      const windowUs = one.aggregation?.windowUs ?? 0;
      if (hopUs > 0 && windowUs % hopUs !== 0)
        fault([...path, 'windowUs'], `expected a whole number of hops of ${hopUs}`);
    }
  });

const service = z.object({
  name,
  version: count,
  features: distinct(
    z
      .object({ fullName: z.string(), view: viewId, role: name, feature: name })
      .refine((one) => one.fullName === `${one.role}__${one.feature}`, {
        path: ['fullName'],
        message: 'expected the role and the feature, parted by "__"',
      }),
    (one) => one.fullName,
  ),
  views: distinct(
    z.object({ role: name, view: viewId, requestKeys: z.array(name).min(1) }),
    (one) => one.role,
  ),
  requestKeys: keys,
  tensor: z.enum(['float32', 'float64']),
});

const rowSchema = z.object({
  definitionId,
  entity: name,
  joinKeys: keys,
  features: distinct(z.object({ name: columnName, type }), (one) => one.name),
});

const BUNDLE = z.object({
  project: z.string(),
  entities: distinct(z.object({ name, joinKeys: keys, log }), (one) => one.name),
  views: distinct(view, (one) => one.id),
  services: distinct(service, (one) => one.name),
  schemas: z.record(viewId, z.array(rowSchema)),
});

/** Checks that every reference names a definition of the bundle. */
function faultOfReference(bundle: z.output<typeof BUNDLE>): { field: string; sentence: string } | null {
  const entities = new Map(bundle.entities.map((one) => [one.name, one]));
  const views = new Map(bundle.views.map((one) => [one.id, one]));
  const unknown = (field: string, value: string) => ({ field, sentence: `${field}: there is no "${value}"` });
  for (const [i, { entity }] of bundle.views.entries())
    if (!entities.has(entity)) return unknown(`views.${i}.entity`, entity);
  for (const [i, one] of bundle.services.entries()) {
    const at = `services.${i}`;
    for (const [j, used] of one.views.entries()) {
      const entity = entities.get(views.get(used.view)?.entity ?? '');
      if (entity === undefined) return unknown(`${at}.views.${j}.view`, used.view);
      const missing = used.requestKeys.find((asked) =>
        one.requestKeys.every((given) => given.name !== asked),
      );
      const field = `${at}.views.${j}.requestKeys`;
      if (missing !== undefined) return unknown(field, missing);
      if (used.requestKeys.length !== entity.joinKeys.length)
        return { field, sentence: `${field}: expected one for each of ${entity.joinKeys.length} join keys` };
    }
    for (const [j, item] of one.features.entries()) {
      const isThere = views.get(item.view)?.features.some(({ name: known }) => known === item.feature);
      const isUsed = one.views.some((used) => used.role === item.role && used.view === item.view);
      if (isThere !== true || !isUsed) return unknown(`${at}.features.${j}`, item.fullName);
    }
  }
  return null;
}

/** @returns the first fault with its field; null: there is none */
export function faultOfBundle(json: unknown): { readonly field: string; readonly sentence: string } | null {
  const { data, error } = BUNDLE.safeParse(json);
  if (data !== undefined) return faultOfReference(data);
  const issue = error!.issues[0]!;
  const field = issue.path.map((part) => String(part).slice(0, MAX_NAME)).join('.');
  return { field, sentence: `${field}: ${optionSentence(issue, valueAt(json, issue.path))}` };
}
