/** JSON Schemas of what the sidecar takes and answers, from the plans of a bundle; `openapi.ts` puts them together. */
import type { Deprecation, JoinKey, RequestInput } from '../../contract/model.ts';
import { STATUSES } from '../../contract/status.ts';
import { formatType } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { MAX_VALUES } from '../plan/plan.ts';
import { SIDECAR_ERRORS } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { feastPlan } from '../surface/feast/feast-plan.ts';
import { FEAST_STATUSES } from '../surface/feast/feast-text.ts';

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

export const MAX_INT32 = 2 ** 31 - 1;
/** Half a step past the largest float32: what is less in size is rounded to one. */
const PAST_FLOAT32 = 2 ** 128 - 2 ** 103;
const BASE64_PATTERN = '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

export function objectOf(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
  };
}

/** How many rows one request of a service may have. */
export function maxRowsOf(plan: Plan): number {
  return Math.max(1, Math.floor(MAX_VALUES / Math.max(1, plan.featureCount)));
}

/** Decimal text where the key is an integer. */
export function keyText({ type }: JoinKey): Schema {
  if (type === 'string') return { type: 'string', maxLength: 512 };
  return { type: 'string', format: type, pattern: '^-?[0-9]{1,20}$' };
}

function keySchema(key: JoinKey): Schema {
  if (key.type === 'string') return keyText(key);
  const range = key.type === 'int32' ? { minimum: -MAX_INT32 - 1, maximum: MAX_INT32 } : {};
  return {
    anyOf: [
      { type: 'integer', format: key.type, ...range },
      { ...keyText(key), description: 'the same in decimal text' },
    ],
  };
}

/** Null: the key is not known, which one of several may be. */
export function keyOrNull(plan: Plan, key: JoinKey, schema = keySchema(key)): Schema {
  const isNeeded = plan.keys.length === 1 || plan.neededKeys.includes(plan.keys.indexOf(key));
  return isNeeded ? schema : orNull(schema);
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

/** The value of a feature as the native surface prints it. */
function valueSchema(type: ValueType): Schema {
  switch (type.kind) {
    case 'bool':
      return { type: ['boolean', 'null'] };
    case 'int32':
    case 'int64':
      return { type: ['integer', 'null'], format: type.kind };
    case 'float32':
    case 'float64':
      return { type: ['number', 'null'], format: type.kind === 'float32' ? 'float' : 'double' };
    case 'string':
      return { type: ['string', 'null'] };
    case 'bytes':
      return { type: ['string', 'null'], contentEncoding: 'base64' };
    case 'timestamp':
      // Outside the years 0000 to 9999 the format has no text: decimal microseconds.
      return { type: ['string', 'null'], format: 'date-time' };
    case 'list':
      return { type: ['array', 'null'], items: valueSchema(type.of) };
    case 'embedding':
      return {
        type: ['array', 'null'],
        items: { type: ['number', 'null'] },
        minItems: type.size,
        maxItems: type.size,
      };
    case 'map':
      return { type: ['object', 'null'], additionalProperties: valueSchema(type.of) };
    case 'struct': {
      const fields = type.fields.map((field) => [field.name, valueSchema(field.type)] as const);
      return { ...objectOf(Object.fromEntries(fields)), type: ['object', 'null'] };
    }
  }
}

export function nativeRequest(plan: Plan): Schema {
  const columns = plan.keys.map((key) => [
    key.name,
    {
      type: 'array',
      items: keyOrNull(plan, key),
      minItems: 1,
      maxItems: maxRowsOf(plan),
      description:
        'One value a row; a list of one is repeated. Null, where one may be: this key is not known.',
    },
  ]);
  const entities = {
    ...objectOf(Object.fromEntries(columns) as Record<string, Schema>),
    additionalProperties: false,
  };
  const optional = [
    ...(plan.inputs.every((input) => input.optional) ? ['context'] : []),
    ...(plan.keys.length === 0 ? ['entities'] : []),
  ];
  return {
    ...objectOf(
      { feature_service: { const: plan.service }, entities, context: contextSchema(plan) },
      optional,
    ),
    additionalProperties: false,
    ...deprecatedMark(plan.definition.deprecated),
    description: plan.definition.description ?? `Asks for the features of ${plan.service}.`,
  };
}

/** Values that a request brings for itself. */
function contextSchema(plan: Plan): Schema {
  if (plan.inputs.length === 0) {
    const description = 'Values that a request brings for itself: this service takes none.';
    return { type: 'object', maxProperties: 0, description };
  }
  const fields = plan.inputs.map((input): [string, Schema] => [input.name, inputSchema(plan, input)]);
  const optional = plan.inputs.filter((input) => input.optional).map((input) => input.name);
  return {
    ...objectOf(Object.fromEntries(fields), optional),
    additionalProperties: false,
    description: 'Values that the request brings for features computed on demand.',
  };
}

function inputSchema(plan: Plan, { type, optional }: RequestInput): Schema {
  const one = inputValueSchema(type);
  const item = optional ? orNull(one) : one;
  const list = { type: 'array', items: item, minItems: 1, maxItems: maxRowsOf(plan) };
  const isList = type.kind === 'list' || type.kind === 'embedding';
  const description = isList
    ? `${formatType(type)}: a list of lists, one a row or one for all rows.`
    : `${formatType(type)}: one value for all rows, or a list with one a row.`;
  if (!isList) return { anyOf: [item, list], description };
  return { ...(optional ? orNull(list) : list), description };
}

/** For what JSON has no number for. */
const NUMBER_WORDS: Schema = { enum: ['NaN', 'Infinity', '-Infinity'] };

/** The value of an input as the surfaces in JSON take it. */
export function inputValueSchema(type: ValueType): Schema {
  const nullable = (of: ValueType): Schema => orNull(inputValueSchema(of));
  switch (type.kind) {
    case 'bool':
      return { type: 'boolean' };
    case 'int32':
      return { type: 'integer', format: 'int32', minimum: -MAX_INT32 - 1, maximum: MAX_INT32 };
    case 'int64':
      return {
        anyOf: [
          { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
          { type: 'string', format: 'int64', pattern: '^-?[0-9]{1,19}$', description: 'decimal text' },
        ],
      };
    case 'float32':
      return {
        anyOf: [
          { type: 'number', exclusiveMinimum: -PAST_FLOAT32, exclusiveMaximum: PAST_FLOAT32 },
          NUMBER_WORDS,
        ],
      };
    case 'float64':
      return { anyOf: [{ type: 'number' }, NUMBER_WORDS] };
    case 'string':
      return { type: 'string' };
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64', pattern: BASE64_PATTERN };
    case 'timestamp':
      return { type: 'string', format: 'date-time' };
    case 'list':
      return { type: 'array', items: nullable(type.of) };
    case 'embedding':
      return {
        type: 'array',
        items: inputValueSchema({ kind: 'float32' }),
        minItems: type.size,
        maxItems: type.size,
      };
    case 'map':
      return { type: 'object', additionalProperties: nullable(type.of) };
    case 'struct': {
      const fields = type.fields.map((field) => [field.name, nullable(field.type)] as const);
      return { ...objectOf(Object.fromEntries(fields)), additionalProperties: false };
    }
  }
}

/** One result of the native surface. */
export function nativeResult(plan: Plan): Schema {
  const features = plan.fullNames.map((name, i): [string, Schema] => {
    const { type, description } = plan.featureDefinitions[i]!;
    const text = description === null ? formatType(type) : `${formatType(type)}: ${description}`;
    return [name, { ...valueSchema(type), description: text, ...deprecatedMark(deprecationAt(plan, i)) }];
  });
  const statuses = plan.fullNames.map((name): [string, Schema] => [
    name,
    { $ref: '#/components/schemas/Status' },
  ]);
  const entities = plan.keys.map((key): [string, Schema] => [
    key.name,
    { type: [key.type === 'string' ? 'string' : 'integer', 'null'] },
  ]);
  return objectOf({
    entities: objectOf(Object.fromEntries(entities)),
    features: objectOf(Object.fromEntries(features)),
    statuses: objectOf(Object.fromEntries(statuses)),
  });
}

/** The same for a bundle of many features: what each means, GET /feature-service/{name} says. */
export function shortNativeResult(plan: Plan): Schema {
  const { properties } = nativeResult(plan) as { properties: Record<'entities', Schema> };
  const features = plan.fullNames.map((name, i): [string, Schema] => {
    const schema = valueSchema(plan.featureDefinitions[i]!.type);
    return [name, { ...schema, format: undefined, ...deprecatedMark(deprecationAt(plan, i)) }];
  });
  // As many as there are names, and no others: each is there.
  const all = { type: 'object', minProperties: features.length };
  return objectOf({
    entities: properties.entities,
    features: { ...all, properties: Object.fromEntries(features), additionalProperties: false },
    statuses: {
      ...all,
      maxProperties: features.length,
      additionalProperties: { $ref: '#/components/schemas/Status' },
      description: 'By the same names.',
    },
  });
}

export function feastRequest(plan: Plan): Schema {
  const list = { type: 'array', minItems: 1, maxItems: maxRowsOf(plan) };
  const columns = [
    ...plan.keys.map((key): [string, Schema] => [key.name, { ...list, items: keySchema(key) }]),
    ...plan.inputs.map(({ name, type, optional }): [string, Schema] => {
      const one = inputValueSchema(type);
      return [name, { ...list, items: optional ? orNull(one) : one }];
    }),
  ];
  const optional = plan.inputs.filter((input) => input.optional).map((input) => input.name);
  const isAmbiguous = feastPlan(plan).shortNames.twice !== null;
  return objectOf(
    {
      feature_service: { const: plan.service },
      entities: objectOf(Object.fromEntries(columns), optional),
      full_feature_names: isAmbiguous ? { const: true } : { type: ['boolean', 'null'], default: false },
    },
    isAmbiguous ? [] : ['full_feature_names'],
  );
}

/** A request for single features, as Feast's client sends it. */
export function feastFeatureList(references: readonly string[]): Schema {
  return objectOf(
    {
      features: {
        type: 'array',
        items: references.length === 0 ? { type: 'string' } : { enum: references },
        minItems: 1,
        description: 'Each as view:feature.',
      },
      entities: { type: 'object', description: 'A list for each join key; others are ignored.' },
      full_feature_names: { type: ['boolean', 'null'], default: false },
    },
    ['full_feature_names'],
  );
}

export function feastAnswer(): Schema {
  const column = objectOf({
    values: { type: 'array' },
    statuses: { type: 'array', items: { enum: FEAST_STATUSES } },
    event_timestamps: { type: 'array', items: { type: 'string', format: 'date-time' } },
  });
  return objectOf({
    results: { type: 'array', items: column, description: 'One column a join key, then one a feature.' },
    metadata: objectOf({ feature_names: { type: 'array', items: { type: 'string' } } }),
  });
}

export function nativeMetadata(): Schema {
  return objectOf(
    {
      feature_service: { type: 'string' },
      service_version: { type: 'integer' },
      bundle: { type: 'string' },
      request_id: { type: 'string' },
      latency_ms: { type: 'number' },
      oldest_age_ms: { type: ['number', 'null'], description: 'Since the oldest event time of the rows.' },
      notes: { type: 'array', items: { type: 'string' } },
      deprecated: deprecatedSchema(),
    },
    ['notes', 'deprecated'],
  );
}

/** What is said of a definition that will go; none where it stays. */
export function deprecatedMark(deprecated: Deprecation | null | undefined): Schema {
  return deprecated === null || deprecated === undefined ? {} : { deprecated: true };
}

/** Of the service's i-th feature, or of the view that gives it. */
function deprecationAt(plan: Plan, i: number): Deprecation | null | undefined {
  const of = plan.definition.features[i]!.view;
  const view = [...plan.roleViews, ...plan.onDemand].find(({ view: { id } }) => id === of)!;
  return plan.featureDefinitions[i]!.deprecated ?? view.view.deprecated;
}

/** What will go of a service and of what it takes. */
export function deprecatedSchema(): Schema {
  const one = objectOf({
    what: { enum: ['service', 'view', 'feature'] },
    name: { type: 'string' },
    date: { type: 'string', description: 'From when on it is not to be relied on.' },
    successor: { type: ['string', 'null'], description: 'What to use in its place.' },
  });
  return { type: 'array', items: one, description: 'What will go; left out where all stays.' };
}

/** What all surfaces say of an error, each in its own form. */
function errorFields(): Readonly<Record<string, Schema>> {
  return {
    code: { enum: Object.keys(SIDECAR_ERRORS).toSorted() },
    field: { type: 'string', description: 'What is at fault.' },
    help: { type: 'string' },
  };
}

/** By the name of their component. */
export function errorSchemas(): Readonly<Record<string, Schema>> {
  const optional = ['field', 'help'];
  const withMessage = objectOf({ ...errorFields(), message: { type: 'string' } }, optional);
  return {
    Error: objectOf({ error: withMessage }),
    FeastError: objectOf({ detail: withMessage }),
    InferenceError: objectOf({ error: { type: 'string' }, parameters: objectOf(errorFields(), optional) }),
  };
}

export const statusSchema: Schema = {
  enum: STATUSES,
  description:
    'PRESENT; NULL: the value is null; MISSING: there is no row; OUTSIDE_TTL: the row is too old; UNAVAILABLE: the ' +
    'store could not be read. A fallback of the definition stands in for the last three.',
};
