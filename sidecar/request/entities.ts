/** The entities of a request: one list a join key, checked and turned into the parts of ids. */
import type { JoinKey } from '../../contract/model.ts';
import { parseKeyPart } from '../../contract/wire/online/entity-key.ts';
import { sidecarError } from '../errors.ts';
import { NotWhole, describe } from '../../contract/wire/request/exact-json.ts';
import { MAX_VALUES } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { FeatureRequest } from './feature-request.ts';

const INT32_LIMIT = 2 ** 31;

type Columns = Readonly<Record<string, unknown>>;

/** Where there are no keys, it may be left out. @throws SRV_REQUEST when `entities` is no object of lists */
export function entityColumns(plan: Plan, body: Readonly<Record<string, unknown>>): Columns {
  const { entities } = body;
  if (entities === undefined && plan.keys.length === 0) return {};
  if (typeof entities === 'object' && entities !== null && !Array.isArray(entities))
    return entities as Columns;
  throw sidecarError(
    'SRV_REQUEST',
    `entities should be an object with a list for each join key, got ${describe(entities)}`,
    { field: 'entities' },
  );
}

/**
 * @returns the number of rows that the join keys make, 1 without keys: the length of the longest list; each list has
 *          that length, or one where repeated
 */
export function countRows(plan: Plan, columns: Columns, repeatOne: boolean): number {
  let count = 1;
  for (let k = 0; k < plan.keyNames.length; k++) {
    const name = plan.keyNames[k]!;
    const list = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (list === undefined) {
      throw sidecarError('SRV_KEY_MISSING', `entities lacks the join key ${name}`, {
        field: `entities.${name}`,
      });
    }
    if (!Array.isArray(list)) {
      throw sidecarError('SRV_REQUEST', `entities.${name} should be a list, got ${describe(list)}`, {
        field: `entities.${name}`,
      });
    }
    if (list.length === 0) {
      throw sidecarError('SRV_NO_ROWS', `entities.${name} is an empty list`, { field: `entities.${name}` });
    }
    if (k === 0 || (repeatOne && count === 1)) count = list.length;
    else if (list.length !== count && !(repeatOne && list.length === 1)) {
      throw sidecarError(
        'SRV_RAGGED',
        `entities.${name} has ${list.length} values, but others have ${count}`,
        {
          field: `entities.${name}`,
        },
      );
    }
  }
  return count;
}

/** @throws SRV_TOO_MANY_VALUES */
export function checkCount(plan: Plan, count: number, field: string): void {
  const valueCount = count * plan.featureCount;
  if (valueCount <= MAX_VALUES) return;
  const values = `${count} rows of ${plan.featureCount} features are ${valueCount} values`;
  throw sidecarError('SRV_TOO_MANY_VALUES', `${values}; at most ${MAX_VALUES} are answered at once`, {
    field,
  });
}

/**
 * @param count  of rows, those that inputs make included
 * @throws       SRV_KEY_TYPE; SRV_INPUT_MISSING where a null key is also an input that may not be null;
 *               SRV_KEY_MISSING where all keys of a row are null, or where `takeNull` is false and one is
 */
export function readKeys(
  plan: Plan,
  columns: Columns,
  count: number,
  takeNull: boolean,
): Pick<FeatureRequest, 'parts' | 'texts'> {
  const keyCount = plan.keys.length;
  const parts: (string | null)[][] = [];
  const texts: string[][] = [];
  for (let k = 0; k < keyCount; k++) {
    const key = plan.keys[k]!;
    const list = columns[key.name] as readonly unknown[];
    const keyParts: (string | null)[] = [];
    const keyTexts: string[] = [];
    for (let row = 0; row < count; row++) {
      const raw = list[list.length === 1 ? 0 : row];
      const part = raw === null ? null : keyPart(key, raw, row);
      if (part === null && !takeNull) throw nullKey(`entities.${key.name}[${row}] is null`, key.name, row);
      keyParts.push(part);
      keyTexts.push(part === null ? 'null' : key.type === 'string' ? JSON.stringify(raw) : part);
    }
    parts.push(keyParts);
    texts.push(keyTexts);
  }
  for (let row = 0; row < count; row++) {
    let k = 0;
    while (k < keyCount && parts[k]![row] === null) k += 1;
    if (k === keyCount && keyCount > 0) {
      throw nullKey(`all join keys of row ${row} are null`, plan.keyNames[0]!, row);
    }
  }
  for (const k of plan.neededKeys) {
    const row = parts[k]!.indexOf(null);
    if (row === -1) continue;
    const field = `entities.${plan.keyNames[k]!}[${row}]`;
    const message = `${field} is null, and the input of that name is not optional`;
    throw sidecarError('SRV_INPUT_MISSING', message, { field });
  }
  return { parts, texts };
}

function keyPart(key: JoinKey, raw: unknown, row: number): string {
  // What nearly every request sends; the rest takes the careful way.
  if (typeof raw === 'number' && Number.isSafeInteger(raw)) {
    if (key.type === 'int64') return String(raw);
    if (key.type === 'int32' && raw >= -INT32_LIMIT && raw < INT32_LIMIT) return String(raw);
  }
  const part = parseKeyPart(key, raw instanceof NotWhole ? Number.NaN : raw);
  if (typeof part === 'string') return part;
  throw sidecarError('SRV_KEY_TYPE', part.fault, { field: `entities.${key.name}[${row}]` });
}

function nullKey(message: string, key: string, row: number): Error {
  return sidecarError('SRV_KEY_MISSING', message, { field: `entities.${key}[${row}]` });
}
