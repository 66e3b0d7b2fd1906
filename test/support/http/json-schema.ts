/**
 * JSON Schema as far as the OpenAPI document uses it: whether a value fits a schema, and values that do. A keyword that
 * is not known here throws, so that none is passed over in silence.
 */
import fc from 'fast-check';

export type Schema = Readonly<Record<string, unknown>>;

/** These say nothing of a value. */
const WORDS = new Set(['description', 'default', 'contentEncoding', 'contentMediaType']);
const DATE_TIME = /^\d{4}-(0[1-9]|1[0-2])-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
/** Of the formats of integers, which texts may have, too. */
const LIMITS: Readonly<Record<string, bigint>> = { int32: 2n ** 31n, int64: 2n ** 63n };

export class SchemaReader {
  readonly #components: Readonly<Record<string, Schema>>;

  constructor(components: Readonly<Record<string, Schema>>) {
    this.#components = components;
  }

  /** @returns the schema that a reference names; any other as it is */
  at(schema: Schema): Schema {
    const name = schema['$ref'] as string | undefined;
    return name === undefined ? schema : this.#components[name.split('/').at(-1)!]!;
  }

  fits(given: Schema, value: unknown): boolean {
    return Object.entries(this.at(given)).every(([keyword, of]) =>
      this.#holds(keyword, of, value, this.at(given)),
    );
  }

  #holds(keyword: string, of: unknown, value: unknown, schema: Schema): boolean {
    if (WORDS.has(keyword)) return true;
    switch (keyword) {
      case 'type':
        return [of].flat().some((type) => isOf(type as string, value));
      case 'anyOf':
        return (of as Schema[]).some((one) => this.fits(one, value));
      case 'enum':
        return (of as unknown[]).includes(value);
      case 'const':
        return value === of;
      case 'items':
        return !Array.isArray(value) || value.every((item) => this.fits(of as Schema, item));
      case 'properties':
        if (!isObject(value)) return true;
        return Object.entries(of as Record<string, Schema>).every(
          ([name, one]) => !Object.hasOwn(value, name) || this.fits(one, value[name]),
        );
      case 'required':
        return !isObject(value) || (of as string[]).every((name) => Object.hasOwn(value, name));
      case 'additionalProperties': {
        if (!isObject(value)) return true;
        const known = (schema['properties'] ?? {}) as object;
        const more = Object.keys(value).filter((name) => !Object.hasOwn(known, name));
        return of === false ? more.length === 0 : more.every((name) => this.fits(of as Schema, value[name]));
      }
      case 'contentSchema':
        return typeof value !== 'string' || this.#fitsAsJson(of as Schema, value);
      default:
        return hasBound(keyword, of, value);
    }
  }

  #fitsAsJson(schema: Schema, text: string): boolean {
    try {
      return this.fits(schema, JSON.parse(text));
    } catch {
      return false;
    }
  }

  /** @param rows  the lengths of a list of rows, which is one that is bounded far above any list of values */
  any(given: Schema, rows: readonly number[]): fc.Arbitrary<unknown> {
    const schema = this.at(given);
    const choices = (schema['anyOf'] as Schema[] | undefined)?.map((one) => this.any(one, rows));
    if (choices !== undefined) return fc.oneof(...choices);
    if ('const' in schema) return fc.constant(schema['const']);
    if ('enum' in schema) return fc.constantFrom(...(schema['enum'] as unknown[]));
    return fc.oneof(...[schema['type']].flat().map((type) => this.#anyOf(type as string, schema, rows)));
  }

  #anyOf(type: string, schema: Schema, rows: readonly number[]): fc.Arbitrary<unknown> {
    switch (type) {
      case 'null':
        return fc.constant(null);
      case 'boolean':
        return fc.boolean();
      case 'integer':
        return fc.maxSafeInteger().map((n) => within(n, schema));
      case 'number':
        return fc
          .double({ noNaN: true, noDefaultInfinity: true, min: -3e38, max: 3e38 })
          .map((n) => within(n, schema));
      case 'string': {
        const content = schema['contentSchema'] as Schema | undefined;
        return content === undefined
          ? anyText(schema)
          : this.any(content, rows).map((json) => JSON.stringify(json));
      }
      case 'array':
        return this.#anyList(schema, rows);
      default:
        return this.#anyObject(schema, rows);
    }
  }

  #anyList(schema: Schema, rows: readonly number[]): fc.Arbitrary<unknown[]> {
    const {
      items,
      minItems = 0,
      maxItems,
    } = schema as { items: Schema; minItems?: number; maxItems?: number };
    const isRows = maxItems !== undefined && maxItems > 100;
    const lengths = isRows ? fc.constantFrom(...rows) : fc.integer({ min: minItems, max: maxItems ?? 3 });
    return lengths.chain((length) =>
      fc.array(this.any(items, rows), { minLength: length, maxLength: length }),
    );
  }

  #anyObject(schema: Schema, rows: readonly number[]): fc.Arbitrary<unknown> {
    const {
      properties = {},
      required = [],
      additionalProperties: more,
    } = schema as {
      properties?: Record<string, Schema>;
      required?: string[];
      additionalProperties?: boolean | Schema;
    };
    const fields = Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [name, this.any(one, rows)]),
    );
    const known = fc.record(fields, { requiredKeys: required });
    if (typeof more !== 'object') return known;
    return fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 5 }), this.any(more, rows), { maxKeys: 3 });
  }
}

function anyText(schema: Schema): fc.Arbitrary<string> {
  const { pattern, format, maxLength } = schema as { pattern?: string; format?: string; maxLength?: number };
  const limit = LIMITS[format ?? ''];
  if (limit !== undefined) return fc.bigInt({ min: -limit, max: limit - 1n }).map(String);
  if (schema['contentEncoding'] === 'base64') return fc.base64String({ maxLength: 20 });
  if (pattern !== undefined) throw new Error(`no text is made here for ${pattern}`);
  if (format === 'date-time') {
    const [min, max] = [new Date('0001-01-01T00:00:00Z'), new Date('9999-12-31T00:00:00Z')];
    return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString());
  }
  return fc.string({ unit: 'grapheme', maxLength: Math.min(20, maxLength ?? 20) });
}

/** Folds a number into the bounds of a schema. */
function within(value: number, schema: Schema): number {
  const bounds = schema as Partial<
    Record<'minimum' | 'exclusiveMinimum' | 'maximum' | 'exclusiveMaximum', number>
  >;
  // Beside a bound that is exclusive lies the next number towards zero.
  const beside = (bound: number): number => bound * (1 - Number.EPSILON);
  const { minimum = beside(bounds.exclusiveMinimum ?? -Infinity) } = bounds;
  const { maximum = beside(bounds.exclusiveMaximum ?? Infinity) } = bounds;
  if (value >= minimum && value <= maximum) return value;
  const width = maximum - minimum + 1;
  return Number.isFinite(width) ? minimum + (Math.abs(value) % width) : Math.max(minimum, Math.abs(value));
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function hasBound(keyword: string, of: unknown, value: unknown): boolean {
  const bound = of as number;
  switch (keyword) {
    case 'minimum':
      return typeof value !== 'number' || value >= bound;
    case 'maximum':
      return typeof value !== 'number' || value <= bound;
    case 'exclusiveMinimum':
      return typeof value !== 'number' || value > bound;
    case 'exclusiveMaximum':
      return typeof value !== 'number' || value < bound;
    case 'maxLength':
      return typeof value !== 'string' || [...value].length <= bound;
    case 'pattern':
      return typeof value !== 'string' || new RegExp(of as string).test(value);
    case 'minItems':
      return !Array.isArray(value) || value.length >= bound;
    case 'maxItems':
      return !Array.isArray(value) || value.length <= bound;
    case 'maxProperties':
      return !isObject(value) || Object.keys(value).length <= bound;
    case 'format':
      return hasFormat(of as string, value);
    default:
      throw new Error(`the schema has ${keyword}, which is not known here`);
  }
}

function hasFormat(format: string, value: unknown): boolean {
  if (format === 'date-time') {
    return typeof value !== 'string' || (DATE_TIME.test(value) && !Number.isNaN(Date.parse(value)));
  }
  const limit = LIMITS[format]!;
  const isText = typeof value === 'string' && /^-?\d+$/.test(value);
  if (!isText && !Number.isInteger(value)) return true;
  const integer = BigInt(value as string | number);
  return integer >= -limit && integer < limit;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
