/**
 * The on-demand inputs of a request: values that it brings for itself, e.g. what lies in a cart.
 *
 *   native   context: { cart_value: 12.5, coupon: ["a", null] }     one value for all rows, or a list with one a row
 *   Feast's  entities: { driver_id: [1, 2], cart_value: [12.5, 3] }  a list as of a join key, or of one for all rows
 *
 * A value of a list type is always within a list; null alone stands for all rows of an optional one. Where a service
 * has no join keys, the lists make the rows. Tensors come the other way: surface/oip/input-column.ts.
 */
import type { RequestInput } from '../../contract/model.ts';
import { sizeOfValue } from '../../contract/value-size.ts';
import type { Value } from '../../contract/value-type.ts';
import { sidecarError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { describe } from '../../contract/wire/request/exact-json.ts';
import { InputFault, inputValue } from '../../contract/wire/request/input-value.ts';

/** The values of one input: one for all rows, or one for each row. */
export type InputColumn = readonly Value[];

/** A request's inputs, by the names of their fields. */
type Fields = Readonly<Record<string, unknown>>;

/** Of an input that the request leaves out. */
export const NULL_COLUMN: InputColumn = [null];

/** What a value for all rows may take in all rows together, as each row is logged with its own. */
const MAX_REPEATED_BYTES = 4 * 2 ** 20;

/** Where a surface has the inputs. */
interface InputPlace {
  /** What stands before an input's name in the field of an error: `context` or `entities`. */
  readonly field: string;
  /** Whether an input may come as one bare value for all rows. */
  readonly takesBare: boolean;
  /** Whether a list of one join key is repeated where an input's list is longer. */
  readonly repeatsKeys: boolean;
  /** Whether values come typed, in a message of Protocol Buffers, and not as JSON. */
  readonly isTyped?: boolean;
}

/**
 * @param context  the native surface's field as parsed
 * @throws         SRV_REQUEST when it is no object; SRV_UNKNOWN_CONTEXT for a field that no view asks for
 */
export function contextFields(plan: Plan, context: unknown): Fields {
  if (context === undefined) return {};
  if (typeof context !== 'object' || context === null || Array.isArray(context)) {
    const message = `context should be an object with a value for each context field, got ${describe(context)}`;
    throw sidecarError('SRV_REQUEST', message, { field: 'context' });
  }
  for (const name in context) {
    if (plan.inputs.some((input) => input.name === name)) continue;
    const has = plan.inputs.length === 0 ? 'none' : plan.inputs.map((input) => input.name).join(', ');
    throw sidecarError(
      'SRV_UNKNOWN_CONTEXT',
      `${plan.service} has no context field ${JSON.stringify(name.slice(0, 200))}; it has ${has}`,
      { field: `context.${name.slice(0, 200)}` },
    );
  }
  return context as Fields;
}

/**
 * @param count  the rows that the join keys make; without keys 1
 * @returns      the number of rows with the inputs' lists: where there is one row, a longer list may make more
 * @throws       SRV_NO_ROWS, SRV_RAGGED
 */
export function countWithInputs(plan: Plan, fields: Fields, count: number, place: InputPlace): number {
  const mayGrow = place.repeatsKeys || plan.keys.length === 0;
  let rows = count;
  for (let i = 0; i < plan.inputs.length; i++) {
    const { name } = plan.inputs[i]!;
    const list = own(fields, name);
    if (!Array.isArray(list)) continue;
    const field = `${place.field}.${name}`;
    if (list.length === 0) throw sidecarError('SRV_NO_ROWS', `${field} is an empty list`, { field });
    if (list.length === 1 || list.length === rows) continue;
    if (rows !== 1 || !mayGrow) {
      const message = `${field} has ${list.length} values, but others have ${rows}`;
      throw sidecarError('SRV_RAGGED', message, { field });
    }
    rows = list.length;
  }
  return rows;
}

/**
 * @param count  from `countWithInputs`
 * @returns      one column for each input of the plan, in its order
 * @throws       SRV_INPUT_MISSING, SRV_INPUT_TYPE, SRV_TOO_MANY_VALUES
 */
export function readInputs(plan: Plan, fields: Fields, count: number, place: InputPlace): InputColumn[] {
  const columns: InputColumn[] = [];
  for (let i = 0; i < plan.inputs.length; i++) {
    const input = plan.inputs[i]!;
    const column = columnOf(plan, input, own(fields, input.name), place);
    if (column.length === 1 && count > 1) checkRepeated(column[0]!, count, `${place.field}.${input.name}`);
    columns.push(column);
  }
  return columns;
}

function columnOf(plan: Plan, input: RequestInput, given: unknown, place: InputPlace): InputColumn {
  const field = `${place.field}.${input.name}`;
  if (given === undefined) {
    if (input.optional) return NULL_COLUMN;
    throw missing(`${place.field} lacks ${input.name}, which ${askersOf(plan, input)}`, field);
  }
  if (Array.isArray(given))
    return given.map((item: unknown, row) => valueOf(input, item, `${field}[${row}]`, place));
  const isList = input.type.kind === 'list' || input.type.kind === 'embedding';
  // Of a list, too, a bare null is none for all rows.
  if (place.takesBare && (!isList || given === null)) return [valueOf(input, given, field, place)];
  const what = isList ? 'a list of lists, of one for all rows or of one a row' : 'a list';
  throw sidecarError('SRV_INPUT_TYPE', `${field} should be ${what}, got ${describe(given)}`, { field });
}

/** @throws SRV_INPUT_MISSING for a null that may not be, SRV_INPUT_TYPE */
function valueOf(input: RequestInput, json: unknown, field: string, { isTyped }: InputPlace): Value {
  if (json === null) {
    if (input.optional) return null;
    throw missing(`${field} is null, and the input ${input.name} is not optional`, field);
  }
  const value = inputValue(input.type, json, isTyped);
  if (value instanceof InputFault) throw misfit(field, value);
  return value;
}

/** @returns the SRV_INPUT_TYPE of a value */
export function misfit(field: string, { fault, path }: InputFault): Error {
  return sidecarError('SRV_INPUT_TYPE', `${field}${path} ${fault}`, { field: field + path });
}

export function missing(message: string, field: string): Error {
  return sidecarError('SRV_INPUT_MISSING', message, { field });
}

/** @returns who takes an input, for a sentence: `basket asks for`, `basket and trip ask for` */
export function askersOf(plan: Plan, { name }: RequestInput): string {
  const views = plan.onDemand.filter(({ view }) => view.inputs.some((input) => input.name === name));
  return `${views.map(({ role }) => role).join(' and ')} ${views.length === 1 ? 'asks' : 'ask'} for`;
}

/** @throws SRV_TOO_MANY_VALUES where a long value stands for many rows */
export function checkRepeated(value: Value, count: number, field: string): void {
  if (isRepeatable(value, count)) return;
  const bytes = sizeOfValue(value);
  const message = `${field} has ${bytes} bytes for each of ${count} rows; at most ${MAX_REPEATED_BYTES} are taken`;
  throw sidecarError('SRV_TOO_MANY_VALUES', message, { field });
}

/** Whether a value may stand for so many rows: each is logged with its own. */
export function isRepeatable(value: Value, count: number): boolean {
  if (typeof value !== 'object' && typeof value !== 'string') return true;
  return sizeOfValue(value) * count <= MAX_REPEATED_BYTES;
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
