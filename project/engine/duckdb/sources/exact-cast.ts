/**
 * The one rule by which a value of a source becomes a value of a feature or a join key: it converts without loss, or
 * its row is a bad row, in materialize, in training and in the replay alike.
 *
 *   int32, int64   an integer of any width, a decimal or a double, if it is whole and in range (a double within 2^53,
 *                  2^53 itself not: it is also what 2^53 + 1 became); text or a path of shortest decimal digits
 *   float64        every float; an integer that has a double of its own; the double nearest to a decimal fraction
 *   float32        the float32 nearest to it, unless that is infinite; an integer that has a float32 of its own
 *   bool           true and false; 0 and 1
 *   string         any text, a UUID; never a number: 7 may have been 007
 *   timestamp      any time and date, and RFC 3339 text (without a zone: UTC), cut to microseconds; not infinity
 *   list, map, struct, embedding   by their parts; a struct's fields by name: one that lacks is null
 *
 * What rounds is what the definition asks to be rounded: float32 names a precision, and so do microseconds.
 */
import { duckTypeOf, quoteName, quoteText } from '../duckdb.ts';
import { decimalOf } from './source-type.ts';
import type { SourceType } from './source-type.ts';
import type { ValueType } from '../../../../contract/value-type.ts';

export interface ExactCast {
  /** SQL of the value in `duckTypeOf(wanted)`; NULL where it is null, or does not fit. */
  readonly sql: string;
  /** Which values fit: all of the type, some (checked one by one), none but null. */
  readonly fit: 'all' | 'some' | 'none';
}

/** @param sql  an expression without side effects, used more than once */
export function exactCast(from: SourceType, wanted: ValueType, sql: string, depth = 0): ExactCast {
  if (from.kind === 'scalar' && from.name === 'NULL') return all(`NULL::${duckTypeOf(wanted)}`);
  switch (wanted.kind) {
    case 'list':
      return from.kind === 'list' ? castList(from.of, wanted, sql, depth) : none(wanted);
    case 'embedding':
      return from.kind === 'list' ? castEmbedding(from.of, wanted, sql, depth) : none(wanted);
    case 'map':
      return from.kind === 'map' ? castMap(from, wanted, sql, depth) : none(wanted);
    case 'struct':
      return from.kind === 'struct' ? castStruct(from, wanted, sql, depth) : none(wanted);
    default:
      return from.kind === 'scalar' ? castScalar(from.name, wanted, sql) : none(wanted);
  }
}

const all = (sql: string): ExactCast => ({ sql, fit: 'all' });
const some = (sql: string): ExactCast => ({ sql, fit: 'some' });
const none = (wanted: ValueType): ExactCast => ({ sql: `NULL::${duckTypeOf(wanted)}`, fit: 'none' });

/** Bits that an integer's magnitude takes; signed ones have one more for the sign. */
const INTEGERS: Readonly<Record<string, { bits: number; signed: boolean }>> = {
  TINYINT: { bits: 7, signed: true },
  UTINYINT: { bits: 8, signed: false },
  SMALLINT: { bits: 15, signed: true },
  USMALLINT: { bits: 16, signed: false },
  INTEGER: { bits: 31, signed: true },
  UINTEGER: { bits: 32, signed: false },
  BIGINT: { bits: 63, signed: true },
  UBIGINT: { bits: 64, signed: false },
  HUGEINT: { bits: 127, signed: true },
  UHUGEINT: { bits: 128, signed: false },
};

const FLOAT_BITS: Readonly<Record<string, number>> = { FLOAT: 24, DOUBLE: 53 };
const TEXTS: ReadonlySet<string> = new Set(['VARCHAR', 'JSON', 'PATH']);
const TIMES: ReadonlySet<string> = new Set([
  'DATE',
  'TIMESTAMP',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP_NS',
  'TIMESTAMP WITH TIME ZONE',
]);

function isText(name: string): boolean {
  return TEXTS.has(name) || name.startsWith('ENUM(');
}

function castScalar(name: string, wanted: ValueType, sql: string): ExactCast {
  switch (wanted.kind) {
    case 'bool':
      if (name === 'BOOLEAN') return all(sql);
      return isNumber(name)
        ? some(`CASE WHEN ${sql} = 0 THEN false WHEN ${sql} = 1 THEN true END`)
        : none(wanted);
    case 'int32':
      return castInteger(name, wanted, sql, 31);
    case 'int64':
      return castInteger(name, wanted, sql, 63);
    case 'float32':
    case 'float64':
      return castFloat(name, wanted, sql);
    case 'string':
      if (name === 'VARCHAR' || name === 'PATH') return all(sql);
      return isText(name) || name === 'UUID' ? all(`CAST(${sql} AS VARCHAR)`) : none(wanted);
    case 'bytes':
      return name === 'BLOB' ? all(sql) : none(wanted);
    default:
      return castTime(name, wanted, sql);
  }
}

function isNumber(name: string): boolean {
  const decimal = decimalOf({ kind: 'scalar', name });
  return INTEGERS[name] !== undefined || FLOAT_BITS[name] !== undefined || (decimal?.precision ?? 39) <= 38;
}

function castInteger(name: string, wanted: ValueType, sql: string, bits: number): ExactCast {
  const type = duckTypeOf(wanted);
  const tried = `TRY_CAST(${sql} AS ${type})`;
  if (name === type) return all(sql);
  const integer = INTEGERS[name];
  if (integer !== undefined) return integer.bits <= bits ? all(`CAST(${sql} AS ${type})`) : some(tried);
  const float = FLOAT_BITS[name];
  if (float !== undefined)
    return some(`CASE WHEN ${sql} = trunc(${sql}) AND abs(${sql}) < ${2 ** float} THEN ${tried} END`);
  if (isText(name)) {
    const text = name.startsWith('ENUM(') ? `CAST(${sql} AS VARCHAR)` : sql;
    return some(
      `CASE WHEN regexp_full_match(${text}, '0|-?[1-9][0-9]*') THEN TRY_CAST(${text} AS ${type}) END`,
    );
  }
  const decimal = decimalOf({ kind: 'scalar', name });
  if (decimal === null || decimal.precision > 38) return none(wanted);
  return some(decimal.scale === 0 ? tried : `CASE WHEN ${sql} = trunc(${sql}) THEN ${tried} END`);
}

function castFloat(name: string, wanted: ValueType, sql: string): ExactCast {
  const type = duckTypeOf(wanted);
  const bits = FLOAT_BITS[type]!;
  const integer = INTEGERS[name];
  const decimal = decimalOf({ kind: 'scalar', name });
  if (name === type) return all(sql);
  const double = nearestDouble(name, sql);
  const nearest = type === 'DOUBLE' ? double : `TRY_CAST(${double} AS FLOAT)`;
  if (FLOAT_BITS[name] !== undefined) {
    // A double past float32 has none: TRY_CAST says so. Infinity is itself.
    return type === 'DOUBLE' ? all(`CAST(${sql} AS DOUBLE)`) : some(`TRY_CAST(${sql} AS FLOAT)`);
  }
  if (integer !== undefined || (decimal !== null && decimal.scale === 0 && decimal.precision <= 38)) {
    const digits = Math.floor(bits * Math.log10(2));
    const exact = integer === undefined ? decimal!.precision <= digits : integer.bits <= bits;
    if (exact) return all(`CAST(${sql} AS ${type})`);
    const back = `TRY_CAST(${nearest} AS HUGEINT)`;
    return some(`CASE WHEN ${back} = ${sql} THEN ${nearest} END`);
  }
  if (decimal === null || decimal.precision > 38) return none(wanted);
  return type === 'DOUBLE' ? all(nearest) : some(nearest);
}

/** DuckDB casts text to the nearest DOUBLE, but decimals and 128-bit integers past 2^53 units to the one beside it. */
function nearestDouble(name: string, sql: string): string {
  const direct = `CAST(${sql} AS DOUBLE)`;
  const decimal = decimalOf({ kind: 'scalar', name });
  if (decimal === null && (INTEGERS[name]?.bits ?? 0) <= 64) return direct;
  if (decimal !== null && decimal.precision <= 15) return direct;
  const text = `TRY_CAST(CAST(${sql} AS VARCHAR) AS DOUBLE)`;
  const scale = decimal?.scale ?? 0;
  const exactBelow = Math.floor(2 ** 53 / 10 ** scale);
  // Of powers of ten the first 22 are doubles.
  return scale > 22 || exactBelow < 1
    ? text
    : `CASE WHEN abs(${sql}) < ${exactBelow} THEN ${direct} ELSE ${text} END`;
}

const RFC_3339 =
  '[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?';

function castTime(name: string, wanted: ValueType, sql: string): ExactCast {
  if (isText(name)) {
    const text = name.startsWith('ENUM(') ? `CAST(${sql} AS VARCHAR)` : sql;
    const time = `make_timestamp(epoch_us(TRY_CAST(upper(${text}) AS TIMESTAMP WITH TIME ZONE)))`;
    return some(`CASE WHEN regexp_full_match(${text}, ${quoteText(RFC_3339)}) THEN ${time} END`);
  }
  if (!TIMES.has(name)) return none(wanted);
  if (name === 'TIMESTAMP') return some(`CASE WHEN isfinite(${sql}) THEN ${sql} END`);
  if (name.startsWith('TIMESTAMP W') || name === 'TIMESTAMP_NS') {
    // Of an infinite time DuckDB says that its epoch is NULL.
    return some(`make_timestamp(epoch_us(${sql}))`);
  }
  const time = `TRY_CAST(${sql} AS TIMESTAMP)`;
  return some(`CASE WHEN isfinite(${time}) THEN ${time} END`);
}

function castList(
  of: SourceType,
  wanted: ValueType & { kind: 'list' },
  sql: string,
  depth: number,
): ExactCast {
  const item = `e${depth}`;
  const cast = exactCast(of, wanted.of, item, depth + 1);
  if (cast.fit === 'all')
    return all(cast.sql === item ? sql : `list_transform(${sql}, lambda ${item}: ${cast.sql})`);
  const bad = `list_filter(${sql}, lambda ${item}: ${item} IS NOT NULL AND ${cast.sql} IS NULL)`;
  return some(`CASE WHEN len(${bad}) = 0 THEN list_transform(${sql}, lambda ${item}: ${cast.sql}) END`);
}

/** Of the right length and without nulls, or it is no embedding. */
function castEmbedding(
  of: SourceType,
  wanted: ValueType & { kind: 'embedding' },
  sql: string,
  depth: number,
): ExactCast {
  const item = `e${depth}`;
  const cast = exactCast(of, { kind: 'float32' }, item, depth + 1);
  if (cast.fit === 'none') return none(wanted);
  const made = cast.sql === item ? sql : `list_transform(${sql}, lambda ${item}: ${cast.sql})`;
  const bad = `list_filter(${sql}, lambda ${item}: ${cast.sql} IS NULL)`;
  return some(`CASE WHEN len(${sql}) = ${wanted.size} AND len(${bad}) = 0 THEN ${made} END`);
}

function castMap(
  from: SourceType & { kind: 'map' },
  wanted: ValueType & { kind: 'map' },
  sql: string,
  depth: number,
): ExactCast {
  const item = `e${depth}`;
  const [itsKey, itsValue] = [`struct_extract(${item}, 'key')`, `struct_extract(${item}, 'value')`];
  const key = exactCast(from.key, { kind: 'string' }, itsKey, depth + 1);
  const value = exactCast(from.of, wanted.of, itsValue, depth + 1);
  if (key.fit !== 'all') return none(wanted);
  if (key.sql === itsKey && value.sql === itsValue) return all(sql);
  const made =
    `map_from_entries(list_transform(map_entries(${sql}), lambda ${item}: ` +
    `struct_pack("key" := ${key.sql}, "value" := ${value.sql})))`;
  // Of NULL the entries are an empty list.
  if (value.fit === 'all') return all(`CASE WHEN ${sql} IS NOT NULL THEN ${made} END`);
  const bad = `list_filter(map_entries(${sql}), lambda ${item}: ${itsValue} IS NOT NULL AND ${value.sql} IS NULL)`;
  return some(`CASE WHEN ${sql} IS NOT NULL AND len(${bad}) = 0 THEN ${made} END`);
}

function castStruct(
  from: SourceType & { kind: 'struct' },
  wanted: ValueType & { kind: 'struct' },
  sql: string,
  depth: number,
): ExactCast {
  const conditions = [`${sql} IS NOT NULL`];
  const parts: string[] = [];
  let same = from.fields.length === wanted.fields.length;
  let found = 0;
  for (const [i, { name, type }] of wanted.fields.entries()) {
    const own = from.fields.filter((f) => f.name.toLowerCase() === name.toLowerCase());
    if (own.length > 1) return none(wanted);
    found += own.length;
    const field = `struct_extract(${sql}, ${quoteText(own[0]?.name ?? name)})`;
    const cast =
      own[0] === undefined ? exactCast(NULL, type, field) : exactCast(own[0].type, type, field, depth);
    if (cast.fit === 'some') conditions.push(`(${field} IS NULL OR ${cast.sql} IS NOT NULL)`);
    if (cast.fit === 'none') conditions.push(`${field} IS NULL`);
    parts.push(`${quoteName(name)} := ${cast.sql}`);
    same &&= from.fields[i]!.name === name && cast.sql === field;
  }
  if (found === 0) return none(wanted);
  if (same) return all(sql);
  const made = `CASE WHEN ${conditions.join(' AND ')} THEN struct_pack(${parts.join(', ')}) END`;
  return conditions.length === 1 ? all(made) : some(made);
}

const NULL: SourceType = { kind: 'scalar', name: 'NULL' };
