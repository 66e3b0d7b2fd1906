/**
 * The parts of which a bundle has thousands, checked at one glance: features, fields of rows, what services take. A
 * list that is of the plainest form and surely right passes; of every other one the schema of bundle-shape.ts says what
 * is wrong, if anything is. So each rule here is at least as strict as the schema's, which a test of random bundles
 * holds to. With 5,000 features the schema alone takes half of the time in which a bundle is read.
 */
import { isOfEvents } from '../aggregation/result-type.ts';
import { AGGREGATE_FUNCTIONS, NEWEST_MAX } from '../model.ts';
import type { AggregateFunction } from '../model.ts';
import type { Json } from '../std/canonical-json.ts';
import { parseType } from '../value-type.ts';
import { ValueFault, valueFromJson } from '../wire/online/json-value.ts';
import { faultOfName, isReserved } from './name.ts';

const LOGS: ReadonlySet<unknown> = new Set(['raw', 'hmac', 'drop']);
const FUNCTIONS: ReadonlySet<unknown> = new Set(AGGREGATE_FUNCTIONS);

type Fields = Readonly<Record<string, unknown>>;

/** @returns whether it is a list of objects that all pass, and no two have the same name but for its case */
function isListOf(given: unknown, nameField: string, passes: (one: Fields) => boolean): boolean {
  if (!Array.isArray(given)) return false;
  const names = new Set<string>();
  for (const one of given as readonly unknown[]) {
    if (!isObject(one) || !passes(one)) return false;
    names.add((one[nameField] as string).toLowerCase());
  }
  return names.size === given.length;
}

/** As JSON.parse makes them; an object of another kind is left to the schema. */
function isObject(given: unknown): given is Fields {
  return typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype;
}

/** Of a view; features that have checks, a column of another name or a deprecation are left to the schema. */
export function areFeatures(given: unknown): boolean {
  return isListOf(given, 'name', isFeature);
}

/** Of the schema of rows. */
export function areRowFields(given: unknown): boolean {
  return isListOf(given, 'name', ({ name, type }) => isColumnName(name) && isType(type));
}

/** Of a service; those that on-demand views compute may be called otherwise, and are left to the schema then. */
export function areServedFeatures(given: unknown): boolean {
  return isListOf(given, 'fullName', ({ fullName, view, role, feature }) => {
    return isName(view) && isName(role) && isName(feature) && fullName === `${role}__${feature}`;
  });
}

/** Of a service: the views that it takes, each by the keys of a request. */
export function areServedViews(given: unknown): boolean {
  return isListOf(given, 'role', ({ role, view, requestKeys }) => {
    if (!isName(role) || !isName(view) || !Array.isArray(requestKeys)) return false;
    return requestKeys.length > 0 && requestKeys.every(isName);
  });
}

function isFeature(one: Fields): boolean {
  const { name, type, missing, tolerance, log, checks, examples, deprecated, aggregation } = one;
  if (!isColumnName(name) || !isType(type) || !LOGS.has(log)) return false;
  if (checks !== null || !Array.isArray(examples) || missing === undefined) return false;
  if ((one['column'] ?? deprecated ?? null) !== null) return false;
  if (tolerance !== null && !isNumber(tolerance, 0, Number.MAX_VALUE)) return false;
  if (aggregation !== null && !(isObject(aggregation) && isAggregation(aggregation))) return false;
  const values = [missing, ...(examples as readonly unknown[])];
  return values.every((value) => {
    return value === null || !(valueFromJson(parseType(type)!, value as Json) instanceof ValueFault);
  });
}

function isAggregation(one: Fields): boolean {
  const { column, columnType, windowUs, scale, n, percentile } = one;
  if (!FUNCTIONS.has(one['function']) || one['sessionUs'] !== undefined) return false;
  const named = one['function'] as AggregateFunction;
  if (named === 'duration' || (column === null ? !isOfEvents(named) : !isText(column))) return false;
  if (column === null ? columnType !== null : !isType(columnType)) return false;
  if (windowUs !== null && !isCount(windowUs, 1, Number.MAX_SAFE_INTEGER)) return false;
  if (!isCount(scale, 0, 22) || !isNumber(percentile, 0, 1) || percentile === 1) return false;
  return named === 'lastN' ? isCount(n, 1, NEWEST_MAX) : n === 0;
}

function isName(given: unknown): given is string {
  return typeof given === 'string' && faultOfName('', given) === null;
}

function isColumnName(given: unknown): given is string {
  return isName(given) && !isReserved(given);
}

function isType(given: unknown): given is string {
  return typeof given === 'string' && parseType(given) !== null;
}

function isText(given: unknown): given is string {
  return typeof given === 'string' && given !== '' && !given.includes('\0');
}

function isNumber(given: unknown, least: number, most: number): given is number {
  return typeof given === 'number' && given >= least && given <= most;
}

function isCount(given: unknown, least: number, most: number): boolean {
  return isNumber(given, least, most) && Number.isInteger(given);
}
