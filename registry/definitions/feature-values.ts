/** What a definition says of a feature that hangs on its type alone: the type itself, its fallback, its examples. */
import type { Json } from '../../contract/std/canonical-json.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { givenText } from '../../contract/std/given-text.ts';
import type { FeatureOptionValues } from '../../contract/definitions/option-schemas.ts';
import type { Feature } from '../../contract/model.ts';
import { formatType, isNumeric, parseType, SCALARS } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { ValueFault, valueFromJson } from '../../contract/wire/online/json-value.ts';

/** @returns the type, or the sentence that says why the text names none */
export function typeNamed(text: string): ValueType | string {
  const type = parseType(text);
  if (type !== null) return type;
  const known = [...SCALARS, 'list<...>', 'map<...>', 'struct<...>', 'embedding(n)'];
  return `${givenText(text)} is no type${didYouMean(text, SCALARS) || `; types are ${known.join(', ')}`}`;
}

type Fault = (option: string, message: string) => void;

/** The options of a feature whose values must fit its type, and those that stand beside them. */
export function valuedOptions(
  type: ValueType,
  options: Omit<FeatureOptionValues, 'log' | 'type' | 'scale' | 'n' | 'percentile'>,
  fault: Fault,
): Omit<Feature, 'name' | 'column' | 'type' | 'log' | 'aggregation'> {
  const { tolerance, checks, description, tags, normalization, deprecated } = options;
  const missing = writtenValue('missing', type, options.missing ?? null, fault);
  const examples = options.examples.map((example) => writtenValue('examples', type, example, fault));
  if (tolerance !== null && !isNumeric(type)) fault('tolerance', `a ${formatType(type)} takes no tolerance`);
  const plain = { missing, tolerance, checks, description, tags, examples, normalization };
  return deprecated === null ? plain : { ...plain, deprecated };
}

/** A value as a definition writes it. */
export function writtenValue(option: string, type: ValueType, written: unknown, fault: Fault): Value {
  const value = valueFromJson(type, asJson(written));
  if (!(value instanceof ValueFault)) return value;
  fault(option, `${option}: ${value.fault}`);
  return null;
}

const PLAIN: unknown = Object.prototype;

/** A value of a TypeScript definition as JSON: since JSON has no bigint, a bigint becomes its decimal text. */
function asJson(written: unknown): Json {
  if (typeof written === 'bigint') return written.toString();
  if (Array.isArray(written)) return written.map(asJson);
  const isPlain = typeof written === 'object' && written !== null && Object.getPrototypeOf(written) === PLAIN;
  if (!isPlain) return written as Json;
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [name, asJson(value)]));
}
