/**
 * Tiles as rows of SQL: made from events, and merged over their origins. What it makes of the same events is what
 * contract/aggregation/tile.ts folds, to the bit; a window over either says the same (test/property/tile-rows.test.ts).
 *
 *   events   k0.., t BIGINT (microseconds), v0.. (columns of the plan, in the types that the history has),
 *            origin BIGINT, place BIGINT, sign INTEGER
 *            -> counted: equal events once, with how often they stand -> a SELECT for each table of tile-table.ts
 *
 * A retraction counts -1 and cancels an event with the same time and values, so that also the smallest and the first
 * are those of the events that are left.
 */
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { TilePart } from '../../contract/aggregation/parts/part.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { tileIdColumns, tileSqlType, tileTables } from '../../contract/aggregation/tile-table.ts';
import type { TileTableColumn, TileTable } from '../../contract/aggregation/tile-table.ts';
import { bytesSql, hashSql, registerOfHash } from './distinct-sketch.ts';
import { boundsSql, bucketOfSql } from './percentile-sketch.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { fixedSql, limbsOfSquare, squaresSql } from './fixed-point.ts';

/** A SELECT of the rows of each table, by its name: `tile`, `values0`. */
type TileRowSelects = ReadonlyMap<string, string>;

/** @param events  a SELECT with the columns above; none is a bad row */
export function tileRowSelects(plan: TilePlan, events: string): TileRowSelects {
  const values = plan.columns.map(({ type, countedOnly }, i) => {
    if (countedOnly) return `v${i}`;
    if (type.kind === 'timestamp') return `epoch_us(v${i}) AS v${i}`;
    // -0 is 0: the least of the two would depend on the order of the input.
    const float = type.kind === 'float32' || type.kind === 'float64';
    return float ? `CASE WHEN v${i} = 0 THEN 0 ELSE v${i} END AS v${i}` : `v${i}`;
  });
  const groups = [...keysOf(plan), 'edge', 'origin'];
  const counted = `SELECT ${[...keysOf(plan), `(t // ${plan.hopUs} + 1) * ${plan.hopUs} AS edge`, 'origin', 't', ...values].join(', ')},
      sum(sign)::BIGINT AS times, count(*) AS seen, min(place) AS since FROM (${events}) GROUP BY ALL`;
  const select = (table: TileTable): string => {
    const { part } = table;
    if (part === null) {
      const columns = [
        'sum(times) AS n',
        'sum(seen) AS seen',
        'min(since) AS since',
        ...plan.parts.flatMap((one) => foldColumns(one, plan)),
      ];
      return `SELECT ${[...groups, ...columns].join(', ')} FROM counted GROUP BY ${groups.join(', ')}`;
    }
    return listSelect(part, plan.columns[part.key.column]!.type, groups);
  };
  const bounds = (table: TileTable): string =>
    table.part?.key.name === 'buckets' ? `, bounds AS MATERIALIZED (${boundsSql()})` : '';
  return selectsOf(plan, (table) => `WITH counted AS (${counted})${bounds(table)} ${select(table)}`);
}

/** @returns the SELECTs of tables as `tileRowSelects` gives them, each tile merged over its origins, as origin 0 */
export function mergedTileSelects(plan: TilePlan, rows: TileRowSelects): TileRowSelects {
  const groups = [...keysOf(plan), 'edge'];
  return selectsOf(plan, (table) => {
    const from = `FROM (${rows.get(table.name)!})`;
    const id = `${groups.join(', ')}, 0 AS origin`;
    if (table.part === null) {
      const columns = plan.parts.flatMap(mergeColumns);
      const own = ['sum(n) AS n', 'sum(seen) AS seen', 'min(since) AS since', ...columns];
      return `SELECT ${id}, ${own.join(', ')} ${from} GROUP BY ${groups.join(', ')}`;
    }
    switch (table.part.key.name) {
      case 'values':
        return `SELECT ${id}, value, sum(count) AS count ${from} GROUP BY ${groups.join(', ')}, value`;
      case 'latest': {
        const newest = `SELECT * EXCLUDE (rank), row_number() OVER (PARTITION BY ${groups.join(', ')} ORDER BY t DESC, value) AS rank ${from}`;
        return `SELECT ${id}, rank, t, value FROM (${newest}) WHERE rank <= ${table.part.size}`;
      }
      case 'registers':
        return `SELECT ${id}, register, max(rank) AS rank ${from} GROUP BY ${groups.join(', ')}, register`;
      default:
        return `SELECT ${id}, bucket, sum(count) AS count ${from} GROUP BY ${groups.join(', ')}, bucket`;
    }
  });
}

/** Gives each table its columns in the frozen order and types. */
function selectsOf(plan: TilePlan, select: (table: TileTable) => string): TileRowSelects {
  const fixed: Readonly<Record<string, string>> = {
    view: quoteText(plan.view.id),
    definition: String(plan.view.definitionId),
  };
  const cast = (column: TileTableColumn): string => {
    const sql = fixed[column.name] ?? quoteName(column.name);
    return `(${sql})::${tileSqlType('duckdb', column)} AS ${quoteName(column.name)}`;
  };
  return new Map(
    tileTables(plan).map((table) => {
      const columns = [...tileIdColumns(plan), ...table.columns].map(cast);
      return [table.name, `SELECT ${columns.join(', ')} FROM (${select(table)})`];
    }),
  );
}

function keysOf({ entity }: TilePlan): string[] {
  return entity.joinKeys.map((_, i) => `k${i}`);
}

/** @returns the columns of a part in a tile's row, over the counted events of one tile */
function foldColumns({ key, fields }: TilePart, plan: TilePlan): string[] {
  const v = `v${key.column}`;
  const standing = `FILTER (${v} IS NOT NULL AND times > 0)`;
  const fixed = (): string => fixedSql(v, plan.columns[key.column]!.type, key.scale);
  switch (key.name) {
    case 'nv':
      return [`coalesce(sum(times) FILTER (${v} IS NOT NULL), 0) AS ${fields[0]!.name}`];
    case 'sum':
      return [`coalesce(sum(times * ${fixed()}), 0) AS ${fields[0]!.name}`];
    case 'squares': {
      const { high, low } = limbsOfSquare(fixed());
      const sum = squaresSql(`sum(times * ${high})`, `sum(times * ${low})`);
      return [`CASE WHEN count(${v}) = 0 THEN 0 ELSE ${sum} END AS ${fields[0]!.name}`];
    }
    case 'min':
    case 'max':
      return [`${key.name}(${v}) ${standing} AS ${fields[0]!.name}`];
    case 'first':
    case 'last': {
      const order = key.name === 'first' ? `t, ${v}` : `t DESC, ${v}`;
      return [
        `${key.name === 'first' ? 'min' : 'max'}(t) ${standing} AS ${fields[0]!.name}`,
        `first(${v} ORDER BY ${order}) ${standing} AS ${fields[1]!.name}`,
      ];
    }
    default:
      return [];
  }
}

function listSelect({ key, size }: TilePart, type: ValueType, groups: readonly string[]): string {
  const v = `v${key.column}`;
  const by = groups.join(', ');
  switch (key.name) {
    case 'values':
      return `SELECT ${by}, ${v} AS value, sum(times) AS count FROM counted
        WHERE ${v} IS NOT NULL GROUP BY ${by}, ${v} HAVING sum(times) > 0`;
    case 'latest': {
      // Events that are equal but for other columns stand apart in `counted`.
      const single = `SELECT ${by}, t, ${v} AS value, unnest(range(least(times, ${size}))) FROM counted
        WHERE ${v} IS NOT NULL AND times > 0`;
      return `SELECT *, row_number() OVER (PARTITION BY ${by} ORDER BY t DESC, value) AS rank
        FROM (${single}) QUALIFY rank <= ${size}`;
    }
    case 'registers': {
      // A timestamp is microseconds by now.
      const bytes = bytesSql(v, type.kind === 'timestamp' ? { kind: 'int64' } : type);
      const { register, rank } = registerOfHash('h');
      return `SELECT ${by}, ${register} AS register, max(${rank}) AS rank FROM (SELECT ${by}, ${hashSql(bytes)} AS h
        FROM counted WHERE ${v} IS NOT NULL AND times > 0) GROUP BY ALL`;
    }
    default: {
      const { bucket, join } = bucketOfSql(v);
      return `SELECT ${by}, ${bucket} AS bucket, sum(times) AS count FROM counted ${join}
        WHERE ${v} IS NOT NULL GROUP BY ALL HAVING sum(times) > 0`;
    }
  }
}

/** @returns the columns of a part in a tile's row, over the rows of one tile from several origins */
function mergeColumns({ key, fields }: TilePart): string[] {
  const name = fields[0]!.name;
  switch (key.name) {
    case 'nv':
    case 'sum':
      return [`sum(${name}) AS ${name}`];
    case 'squares': {
      const whole = `${name}::HUGEINT`;
      const sum = squaresSql(`sum(${whole} >> 64::HUGEINT)`, `sum(${whole} & 18446744073709551615::HUGEINT)`);
      // A sum that is not held is NULL, and what it is a part of is not held either.
      return [`CASE WHEN count(*) = count(${name}) THEN ${sum} END AS ${name}`];
    }
    case 'min':
    case 'max':
      return [`${key.name}(${name}) AS ${name}`];
    case 'first':
    case 'last': {
      const value = fields[1]!.name;
      const order = `${name}${key.name === 'first' ? '' : ' DESC'}, ${value}`;
      return [
        `${key.name === 'first' ? 'min' : 'max'}(${name}) AS ${name}`,
        `first(${value} ORDER BY ${order}) FILTER (${name} IS NOT NULL) AS ${value}`,
      ];
    }
    default:
      return [];
  }
}
