/** Each option of a definition by itself: its name, unit and range. What depends on other options is checked later. */
import { z } from 'zod';
import { parseDuration } from '../std/duration.ts';
import { givenText } from '../std/given-text.ts';
import { parseTimestamp } from '../std/timestamp.ts';
import { AGGREGATE_FUNCTIONS, NEWEST_MAX } from '../model.ts';
import type { AggregateFunction } from '../model.ts';
import { TIME_UNITS } from '../stream-source.ts';
import { knownNames, optionSentence, valueAt } from './option-sentence.ts';
import { FeatureDraft } from './draft.ts';
import type { Options, Place } from './draft.ts';
import { didYouMean } from '../std/did-you-mean.ts';
import type { Mistakes } from './mistake.ts';

const DURATION = 'expected a duration such as 90s, 1h or 7d';

const duration = z.union([z.string(), z.number()], { error: DURATION }).transform((value, context) => {
  const us = parseDuration(String(value));
  if (us !== null) return us;
  context.addIssue({
    code: 'custom',
    message: `${DURATION}, got ${givenText(value)}`,
  });
  return z.NEVER;
});

/** A duration, or its target and its alert age. */
const freshness = z.unknown().transform((value, context) => {
  if (value === undefined) return undefined;
  const given = typeof value === 'object' && value !== null ? value : { target: value };
  const ages: { target?: number; alert?: number } = {};
  for (const [name, age] of Object.entries(given as Readonly<Record<string, unknown>>)) {
    const us = typeof age === 'string' || typeof age === 'number' ? parseDuration(String(age)) : null;
    const isKnown = name === 'target' || name === 'alert';
    if (isKnown && us !== null) ages[name] = us;
    else {
      const got = isKnown ? `${name}: ${givenText(age)}` : givenText(value);
      const message = `${DURATION}, or { target: 2h, alert: 4h }, got ${got}`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    }
  }
  return ages;
});

const TIME = 'expected a date or a time such as 2026-01-31 or 2026-01-31T06:00:00Z';

const time = z.union([z.string(), z.date()], { error: TIME }).transform((value, context) => {
  const us = parseTimestamp(value instanceof Date ? value.toISOString() : value);
  if (us !== null && us >= 0n) return Number(us);
  context.addIssue({ code: 'custom', message: `${TIME}, got ${givenText(value)}` });
  return z.NEVER;
});

/** Kept as it was written. */
const day = z.union([z.string(), z.date()], { error: TIME }).transform((value, context) => {
  const written = value instanceof Date ? value.toISOString().replace(/T00:00:00\.000Z$/, '') : value;
  if (parseTimestamp(written) !== null) return written;
  context.addIssue({ code: 'custom', message: `${TIME}, got ${givenText(value)}` });
  return z.NEVER;
});

const text = z.string().nullable().default(null);
const tags = z.array(z.string()).default([]);
const log = z.enum(['raw', 'hmac', 'drop']).default('raw');
const deprecated = z.strictObject({ date: day, successor: text }).nullable().default(null);

/** A value of a field that says what happened, as text. */
const opValue = z.union([z.string(), z.number().int(), z.boolean()]).transform(String);

export const ENTITY_OPTIONS = z.strictObject({
  joinKeys: z.record(z.string(), z.unknown()),
  description: text,
  owner: text,
  tags,
  log,
});

export const SOURCE_OPTIONS = z.strictObject({
  parquet: z.string().min(1).optional(),
  delta: z.string().min(1).optional(),
  iceberg: z.string().min(1).optional(),
  eventTime: z.string().min(1),
  createdTime: z.string().min(1).nullable().default(null),
  maxAhead: duration.nullable().default(null),
  absent: z.enum(['keep', 'delete']).default('keep'),
});

export const STREAM_SOURCE_OPTIONS = z.strictObject({
  stream: z.strictObject({
    topic: z.string().min(1).nullable().default(null),
    folder: z.string().min(1).nullable().default(null),
    // Its forms are told apart where it is compiled.
    format: z.unknown().optional(),
    id: z.string().min(1).nullable().default(null),
    keyedBy: z.string().min(1).nullable().default(null),
    archive: z.string().min(1),
    op: z
      .strictObject({
        column: z.string().min(1),
        insert: z.array(opValue).min(1),
        delete: z.array(opValue).min(1),
      })
      .nullable()
      .default(null),
  }),
  fields: z.record(z.string(), z.unknown()),
  eventTime: z.string().min(1),
  maxAhead: duration.nullable().default(null),
  outOfOrder: duration.optional(),
});
export type StreamOptionValues = z.output<typeof STREAM_SOURCE_OPTIONS>;

/** A field of a stream's messages. */
export const FIELD_OPTIONS = z.strictObject({
  type: z.string(),
  unit: z.enum(TIME_UNITS).nullable().default(null),
  description: text,
});

export const VIEW_OPTIONS = z.strictObject({
  entity: z.unknown(),
  source: z.unknown(),
  where: z.string().optional(),
  select: z.record(z.string(), z.string()).default({}),
  features: z.record(z.string(), z.unknown()),
  version: z.number().int().min(1).default(1),
  ttl: duration.optional(),
  hop: duration.optional(),
  delay: duration.optional(),
  schedule: duration.optional(),
  watermark: z.enum(['cutoff', 'events']).optional(),
  outOfOrder: duration.optional(),
  freshness: freshness.optional(),
  sourceFreshness: duration.optional(),
  lateness: duration.optional(),
  start: time.optional(),
  owner: text,
  team: text,
  description: text,
  tags,
  deprecated,
});
export type ViewOptionValues = z.output<typeof VIEW_OPTIONS>;

/** What other tools call our aggregations. */
const OTHER_NAMES: Readonly<Record<string, AggregateFunction>> = {
  average: 'avg',
  mean: 'avg',
  total: 'sum',
  count_distinct: 'countDistinct',
  distinct: 'countDistinct',
  nunique: 'countDistinct',
  unique: 'countDistinct',
  std: 'stddev',
  mode: 'mostFrequent',
  top: 'mostFrequent',
  latest: 'last',
  newest: 'last',
};

function aggregateFault({ input }: { readonly input?: unknown }): string {
  const name = String(input);
  const other = OTHER_NAMES[name.toLowerCase()];
  const hint = other === undefined ? didYouMean(name, AGGREGATE_FUNCTIONS) : `, did you mean "${other}"?`;
  return `expected one of ${AGGREGATE_FUNCTIONS.join(', ')}, got ${givenText(input)}${hint}`;
}

export const FEATURE_OPTIONS = z.strictObject({
  type: z.string().optional(),
  agg: z.enum(AGGREGATE_FUNCTIONS, { error: aggregateFault }).optional(),
  column: z.string().min(1).optional(),
  window: duration.optional(),
  session: duration.optional(),
  scale: z.number().int().min(0).max(22).default(6),
  n: z.number().int().min(1).max(NEWEST_MAX).default(0),
  percentile: z.number().gt(0).lt(1).default(0),
  missing: z.unknown().optional(),
  tolerance: z.number().nonnegative().nullable().default(null),
  log,
  checks: z
    .strictObject({
      min: z.number().nullable().default(null),
      max: z.number().nullable().default(null),
      maxNullShare: z.number().min(0).max(1).nullable().default(null),
    })
    .nullable()
    .default(null),
  description: text,
  tags,
  examples: z.array(z.unknown()).default([]),
  normalization: z.strictObject({ mean: z.number(), stddev: z.number().positive() }).nullable().default(null),
  deprecated,
});
export type FeatureOptionValues = z.output<typeof FEATURE_OPTIONS>;

/** Of a feature that is computed on demand; without a log policy it takes the strictest of what the view takes. */
export const ON_DEMAND_FEATURE_OPTIONS = FEATURE_OPTIONS.omit({
  agg: true,
  column: true,
  window: true,
  session: true,
  scale: true,
  n: true,
  percentile: true,
}).extend({ type: z.string(), log: log.removeDefault().optional() });

export const INPUT_OPTIONS = z.strictObject({
  type: z.string(),
  optional: z.boolean().default(false),
  log,
  description: text,
});

export const ON_DEMAND_OPTIONS = z.strictObject({
  inputs: z.record(z.string(), z.unknown()).default({}),
  uses: z.array(z.unknown()).default([]),
  features: z.record(z.string(), z.unknown()),
  // Read before, where it is checked too.
  compute: z.unknown().optional(),
  samples: z.array(z.record(z.string(), z.unknown())).default([]),
  int64: z.enum(['number', 'bigint']).default('number'),
  isolate: z.literal(false).optional(),
  version: z.number().int().min(1).default(1),
  owner: text,
  team: text,
  description: text,
  tags,
  deprecated,
});
export type OnDemandOptionValues = z.output<typeof ON_DEMAND_OPTIONS>;

export const SERVICE_OPTIONS = z.strictObject({
  consumers: z.array(z.strictObject({ model: z.string().min(1), owner: z.string().min(1) })).default([]),
  tensor: z.enum(['float32', 'float64']).default('float64'),
  description: text,
  owner: text,
  tags,
  deprecated,
});

/**
 * Checks a draft's options one by one. Those that do not fit are added to the mistakes and left out of the result, so
 * that the rest of the draft is still checked. The caller sees by `mistakes.count` whether the draft is whole.
 *
 * @param what  what the message calls it, e.g. `view "purchases"`
 * @returns     the values with defaults filled in, or null when too little fits
 */
export function checkOptions<Schema extends z.ZodObject>(
  schema: Schema,
  what: string,
  { options, place }: { readonly options: Options; readonly place: Place },
  mistakes: Mistakes,
): z.output<Schema> | null {
  for (const path of pathsOfProto(options))
    mistakes.add(place, path, `${what}: nothing can be called "__proto__"`);
  const result = schema.safeParse(options);
  if (result.success) return result.data;
  const rest: Record<string, unknown> = { ...options };
  for (const issue of result.error.issues) {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      const within = path.length === 0 ? '' : ` in ${path.join('.')}`;
      for (const key of issue.keys) {
        const hint = didYouMean(key, knownNames(schema, issue.path));
        mistakes.add(place, [...path, key], `${what} has no option "${key}"${within}${hint}`);
        delete rest[path[0] ?? key];
      }
    } else {
      const sentence = optionSentence(issue, valueAt(options, issue.path));
      mistakes.add(place, path, `${what}: ${path.join('.')}: ${sentence}`);
      delete rest[path[0] ?? ''];
    }
  }
  return schema.safeParse(rest).data ?? null;
}

/** Where `__proto__` is a name: an object cannot hold it as one of its own, and would lose it silently. */
function pathsOfProto(options: unknown, path: readonly string[] = []): string[][] {
  if (typeof options !== 'object' || options === null || options instanceof FeatureDraft) return [];
  return Object.entries(options).flatMap(([name, inner]) => {
    if (name === '__proto__') return [[...path, name]];
    return path.length < 2 ? pathsOfProto(inner, [...path, name]) : [];
  });
}
