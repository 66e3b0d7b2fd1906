/**
 * The rows of tiles in SQL: which tables, which columns, which types. One row a tile, and a table of its own for each
 * part that is a list. Every engine writes these columns in this order; the types are frozen (docs/tiles.md).
 *
 *   tile        view, definition, k0.., edge, origin, n, seen, since, then the fields of the parts
 *   values0     view, definition, k0.., edge, origin, value, count         each value once
 *   latest0     ...                                  rank, t, value        rank from 1, the newest first
 *   registers0  ...                                  register, rank        each register once
 *   buckets0    ...                                  bucket, count         each bucket once
 */
import type { ValueType } from '../value-type.ts';
import type { TilePart } from './parts/part.ts';
import type { TilePlan } from './tile-plan.ts';

type TileEngine = 'duckdb' | 'flink' | 'spark';

export interface TileTableColumn {
  readonly name: string;
  /** What it holds: a value of the model, or the sum of a column, which has up to 38 digits. */
  readonly type: ValueType | 'sum';
}

export interface TileTable {
  /** `tile`, or the part whose list it holds: `values0`. */
  readonly name: string;
  /** null: the tile itself. */
  readonly part: TilePart | null;
  /** Without those that say which tile it is. */
  readonly columns: readonly TileTableColumn[];
}

const INT64: ValueType = { kind: 'int64' };

/** @returns the tables of a view's tiles, the tile's own first */
export function tileTables(plan: TilePlan): TileTable[] {
  const typeOf = (part: TilePart): ValueType => plan.columns[part.key.column]!.type;
  const fields = plan.parts.flatMap((part) =>
    part.fields
      .filter(({ kind }) => kind !== 'list')
      .map(({ name, kind }): TileTableColumn => {
        return { name, type: kind === 'sum' ? 'sum' : kind === 'value' ? typeOf(part) : INT64 };
      }),
  );
  const counted = ['n', 'seen', 'since'].map((name) => ({ name, type: INT64 }));
  const lists = plan.parts.filter(({ fields: own }) => own.some(({ kind }) => kind === 'list'));
  return [
    { name: 'tile', part: null, columns: [...counted, ...fields] },
    ...lists.map((part) => ({ name: part.fields[0]!.name, part, columns: listColumns(part, typeOf(part)) })),
  ];
}

function listColumns({ key }: TilePart, type: ValueType): TileTableColumn[] {
  const value = { name: 'value', type };
  const int = (name: string): TileTableColumn => ({ name, type: INT64 });
  switch (key.name) {
    case 'values':
      return [value, int('count')];
    case 'latest':
      return [int('rank'), int('t'), value];
    case 'registers':
      return [int('register'), int('rank')];
    default:
      return [int('bucket'), int('count')];
  }
}

/** @returns the columns that say which tile a row is of, in all tables */
export function tileIdColumns({ entity }: TilePlan): TileTableColumn[] {
  const keys = entity.joinKeys.map(({ type }, i) => ({ name: `k${i}`, type: { kind: type } }));
  const [view, ...rest] = ['view', 'definition', 'edge', 'origin'].map((name) => ({ name, type: INT64 }));
  return [{ ...view!, type: { kind: 'string' } }, rest[0]!, ...keys, ...rest.slice(1)];
}

/** @returns the type of a column; times and timestamps are microseconds everywhere */
export function tileSqlType(engine: TileEngine, { type }: TileTableColumn): string {
  if (type === 'sum') return 'DECIMAL(38, 0)';
  switch (type.kind) {
    case 'bool':
      return 'BOOLEAN';
    case 'int32':
      return engine === 'duckdb' ? 'INTEGER' : 'INT';
    case 'float32':
      return 'FLOAT';
    case 'float64':
      return 'DOUBLE';
    case 'string':
      return engine === 'duckdb' ? 'VARCHAR' : 'STRING';
    default:
      return 'BIGINT';
  }
}
