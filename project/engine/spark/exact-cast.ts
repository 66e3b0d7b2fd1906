/**
 * The rule of ../duckdb/sources/exact-cast.ts in Spark: a value of a source becomes a value of a feature or a join key
 * without loss, or its row is a bad row. What Spark does otherwise than DuckDB:
 *
 *   floats to integers   `rint` tells whole ones: its `floor` gives a BIGINT, cut at the ends of 64 bits
 *   to float32           past its range Spark gives infinity, which is no value of the source
 *   decimals to double   Spark takes the nearest, as the rule wants it; of a double its decimal is not exact
 *   unsigned integers    come one size wider, those of 64 bits as DECIMAL(20, 0)
 *   nanoseconds          come as whole numbers (spark-job.ts)
 *
 * A pair of types that is not done here is refused by name, never guessed.
 */
import { decimalOf, formatSourceType } from '../duckdb/sources/source-type.ts';
import type { SourceType } from '../duckdb/sources/source-type.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import { sparkError } from './errors.ts';
import { sparkNull, sparkTypeOf } from './spark-sql.ts';

export interface SparkCast {
  /** SQL of the value in `sparkTypeOf(wanted)`; NULL where it is null, or does not fit. */
  readonly sql: string;
  /** As of DuckDB's. */
  readonly fit: 'all' | 'some' | 'none';
}

const all = (sql: string): SparkCast => ({ sql, fit: 'all' });
const some = (sql: string): SparkCast => ({ sql, fit: 'some' });

/** Bits that an integer's magnitude takes. */
const INTEGER_BITS: Readonly<Record<string, number>> = {
  TINYINT: 7,
  UTINYINT: 8,
  SMALLINT: 15,
  USMALLINT: 16,
  INTEGER: 31,
  UINTEGER: 32,
  BIGINT: 63,
  UBIGINT: 64,
};
const FLOAT_BITS: Readonly<Record<string, number>> = { FLOAT: 24, DOUBLE: 53 };
const TWO_63 = '9.223372036854775808E18D';
/** What an infinite time is in files: the greatest number of microseconds, and the same below zero. */
export const INFINITE_US = '9223372036854775807';

/**
 * @param sql  an expression without side effects, used more than once
 * @throws     SPARK_LACKS for a pair of types that is not done here
 */
export function sparkCast(from: SourceType, wanted: ValueType, sql: string, depth = 0): SparkCast {
  if (from.kind === 'scalar' && from.name === 'NULL') return all(sparkNull(wanted));
  if (from.kind === 'scalar' && isScalar(wanted)) {
    const cast = castScalar(from, wanted, sql);
    if (cast !== null) return cast;
  }
  if (from.kind === 'list' && (wanted.kind === 'list' || wanted.kind === 'embedding'))
    return castList(from.of, wanted, sql, depth);
  if (isSame(from, wanted)) return all(sql);
  throw sparkError(
    'SPARK_LACKS',
    `a column that is ${formatSourceType(from)} in its file cannot be read as ${formatType(wanted)} in Spark yet`,
  );
}

function isScalar({ kind }: ValueType): boolean {
  return !['list', 'embedding', 'map', 'struct'].includes(kind);
}

/** @returns null: it is not done here */
function castScalar(from: SourceType & { kind: 'scalar' }, wanted: ValueType, sql: string): SparkCast | null {
  const { name } = from;
  const isInteger = INTEGER_BITS[name] !== undefined;
  switch (wanted.kind) {
    case 'bool':
      if (name === 'BOOLEAN') return all(sql);
      return isInteger || FLOAT_BITS[name] !== undefined
        ? some(`CASE WHEN ${sql} = 0 THEN false WHEN ${sql} = 1 THEN true END`)
        : null;
    case 'int32':
      return castInteger(from, wanted, sql, 31);
    case 'int64':
      return castInteger(from, wanted, sql, 63);
    case 'float32':
    case 'float64':
      return castFloat(from, wanted, sql);
    case 'string':
      return isText(name) ? all(sql) : null;
    case 'bytes':
      return name === 'BLOB' ? all(sql) : null;
    default:
      return castTime(name, sql);
  }
}

function isText(name: string): boolean {
  return name === 'VARCHAR' || name === 'JSON' || name === 'PATH' || name.startsWith('ENUM(');
}

function castInteger(
  from: SourceType & { kind: 'scalar' },
  wanted: ValueType,
  sql: string,
  bits: number,
): SparkCast | null {
  const type = sparkTypeOf(wanted);
  const tried = `try_cast(${sql} AS ${type})`;
  const own = INTEGER_BITS[from.name];
  if (own !== undefined) return own <= bits ? all(`CAST(${sql} AS ${type})`) : some(tried);
  const float = FLOAT_BITS[from.name];
  if (float !== undefined)
    return some(
      `CASE WHEN ${sql} = rint(${sql}) AND abs(${sql}) < ${2 ** float} THEN try_cast(${sql} AS ${type}) END`,
    );
  if (isText(from.name))
    return some(`CASE WHEN ${sql} RLIKE '\\\\A(0|-?[1-9][0-9]*)\\\\z' THEN ${tried} END`);
  const decimal = decimalOf(from);
  if (decimal === null || decimal.precision > 38) return null;
  return some(decimal.scale === 0 ? tried : `CASE WHEN ${sql} = floor(${sql}) THEN ${tried} END`);
}

function castFloat(from: SourceType & { kind: 'scalar' }, wanted: ValueType, sql: string): SparkCast | null {
  const isDouble = wanted.kind === 'float64';
  const double = `CAST(${sql} AS DOUBLE)`;
  const nearest = isDouble ? double : narrowed(double);
  if (FLOAT_BITS[from.name] !== undefined)
    return isDouble || from.name === 'FLOAT'
      ? all(`CAST(${sql} AS ${sparkTypeOf(wanted)})`)
      : some(narrowed(sql));
  const bits = INTEGER_BITS[from.name];
  if (bits !== undefined && bits <= 63) {
    if (bits <= (isDouble ? 53 : 24)) return all(`CAST(${sql} AS ${sparkTypeOf(wanted)})`);
    const back = `CAST(${nearest} AS DOUBLE)`;
    return some(`CASE WHEN ${back} < ${TWO_63} AND try_cast(${back} AS BIGINT) = ${sql} THEN ${nearest} END`);
  }
  const decimal = decimalOf(from);
  if (decimal === null || decimal.precision > 38 || decimal.scale === 0) return null;
  return isDouble ? all(nearest) : some(nearest);
}

/** A double as float32; NULL where it is past its range. */
function narrowed(double: string): string {
  const infinite = `CAST('Infinity' AS DOUBLE)`;
  return `CASE WHEN abs(CAST(${double} AS FLOAT)) = ${infinite} AND abs(${double}) <> ${infinite} THEN NULL ELSE CAST(${double} AS FLOAT) END`;
}

/** @returns null: the type is no time that is read here */
export function castTime(name: string, sql: string): SparkCast | null {
  switch (name) {
    case 'DATE':
      return all(`CAST(${sql} AS TIMESTAMP)`);
    case 'TIMESTAMP_NS':
      // Cut towards the past, as DuckDB does, which a whole division does not before 1970.
      return all(`timestamp_micros((${sql} - pmod(${sql}, 1000)) DIV 1000)`);
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP WITH TIME ZONE': {
      const time = `CAST(${sql} AS TIMESTAMP)`;
      return some(`CASE WHEN abs(unix_micros(${time})) < ${INFINITE_US} THEN ${time} END`);
    }
    default:
      return null;
  }
}

function castList(
  of: SourceType,
  wanted: ValueType & { kind: 'list' | 'embedding' },
  sql: string,
  depth: number,
): SparkCast {
  const item = `c${depth}`;
  const isEmbedding = wanted.kind === 'embedding';
  const cast = sparkCast(of, isEmbedding ? { kind: 'float32' } : wanted.of, item, depth + 1);
  const made = `transform(${sql}, ${item} -> ${cast.sql})`;
  if (isEmbedding) {
    const bad = `exists(${sql}, ${item} -> (${cast.sql}) IS NULL)`;
    return some(`CASE WHEN size(${sql}) = ${wanted.size} AND NOT ${bad} THEN ${made} END`);
  }
  if (cast.fit === 'all') return all(made);
  const bad = `exists(${sql}, ${item} -> ${item} IS NOT NULL AND (${cast.sql}) IS NULL)`;
  return some(`CASE WHEN NOT ${bad} THEN ${made} END`);
}

/** Maps and structs are taken whose parts are those that are wanted, with no cast in them. */
function isSame(from: SourceType, wanted: ValueType): boolean {
  if (from.kind === 'map')
    return wanted.kind === 'map' && isSame(from.key, { kind: 'string' }) && isSame(from.of, wanted.of);
  if (from.kind === 'struct')
    return (
      wanted.kind === 'struct' &&
      from.fields.length === wanted.fields.length &&
      from.fields.every(({ name, type }, i) => {
        const own = wanted.fields[i]!;
        return name === own.name && isSame(type, own.type);
      })
    );
  if (from.kind === 'list') return wanted.kind === 'list' && isSame(from.of, wanted.of);
  return SAME[wanted.kind] === from.name;
}

const SAME: Readonly<Partial<Record<ValueType['kind'], string>>> = {
  bool: 'BOOLEAN',
  int32: 'INTEGER',
  int64: 'BIGINT',
  float32: 'FLOAT',
  float64: 'DOUBLE',
  string: 'VARCHAR',
  bytes: 'BLOB',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
};
