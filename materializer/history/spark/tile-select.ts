/**
 * The tables of ../../aggregate/given-tiles.ts in Spark's SQL. Each is one pass over the source.
 *
 *   fixed point   round() of Spark goes by the text of a double, which is the same half away from zero; a whole double
 *                 becomes a decimal by way of BIGINT, since by way of its text it would be another one past 2^53
 *   squares       in limbs, as of ../../aggregate/fixed-point.ts: of two decimals DIV is a BIGINT, which holds
 *                 10^36 / 2^64
 *   last          the smallest value of the latest time: the least of (-time, value)
 */
import type { AggregatePlan } from '../../aggregate/aggregate-plan.ts';
import { isWhole } from '../../aggregate/fixed-point.ts';
import type { GivenTable } from '../../aggregate/given-tiles.ts';
import { fixedColumn, tileColumns } from '../../aggregate/tiles.ts';
import type { AddedPart } from '../../aggregate/tiles.ts';

const LIMB = '18446744073709551616';
/** Of one value; past 10^18 the event is a bad row. */
const FIXED = 'DECIMAL(19, 0)';
const SUM = 'DECIMAL(38, 0)';

/** @param events  a SELECT as spark-events.ts gives it */
export function sparkTileSelect(plan: AggregatePlan, table: GivenTable, events: string): string {
  const keys = plan.keys.join(', ');
  const placed = `SELECT *, CAST(t DIV ${plan.hopUs} AS BIGINT) + 1 AS e FROM (${events})`;
  switch (table.name) {
    case 'tile': {
      const fixed = `SELECT ${['*', ...fixedValues(plan)].join(', ')} FROM (${placed})`;
      return `SELECT ${keys}, e, ${tileParts(plan).join(', ')} FROM (${fixed}) GROUP BY ${keys}, e`;
    }
    case 'values':
      return valuesSelect(plan, table, placed);
    case 'newest':
      return newestSelect(plan, table, placed);
  }
}

function valuesSelect({ keys }: AggregatePlan, { values }: GivenTable, placed: string): string {
  const names = values.map(({ column }) => column.name);
  const by = [...keys, 'e', ...names].join(', ');
  const single = `SELECT ${[...keys, 'e'].join(', ')}, ${stacked(names, names)} FROM (${placed})`;
  return `SELECT ${by}, count(*) AS times FROM (${single}) WHERE ${anyOf(names)} GROUP BY ${by}`;
}

function newestSelect({ keys }: AggregatePlan, { values }: GivenTable, placed: string): string {
  const names = values.map(({ column }) => `late_${column.name}`);
  const from = values.map(({ column }) => column.name);
  const own = [...keys, 'e'].join(', ');
  const single = `SELECT ${own}, t AS late_t, ${stacked(from, names)} FROM (${placed})`;
  const order = `OVER (PARTITION BY ${own}, which ORDER BY late_t DESC, ${names.join(', ')})`;
  const sizes = values.map(({ newest }, i) => `WHEN ${i} THEN ${newest}`).join(' ');
  return `SELECT ${own}, late_t, ${names.join(', ')} FROM (
      SELECT *, row_number() ${order} AS place FROM (${single}) WHERE ${anyOf(names)})
    WHERE place <= CASE which ${sizes} END`;
}

/** One row for each column: `which`, from 0, its value under its name, and null under those of the others. */
function stacked(from: readonly string[], names: readonly string[]): string {
  const rows = from.map((v, i) => [i, ...from.map((_, at) => (at === i ? v : 'NULL'))].join(', '));
  return `stack(${from.length}, ${rows.join(', ')}) AS (which, ${names.join(', ')})`;
}

function anyOf(names: readonly string[]): string {
  return `(${names.map((name) => `${name} IS NOT NULL`).join(' OR ')})`;
}

/** The values in fixed point that are summed. */
function fixedValues(plan: AggregatePlan): string[] {
  const added = tileColumns(plan).additives.filter(({ of }) => of === 'sum');
  return added.map(({ column, scale }) => {
    const scaled = `CAST(${column!.name} AS DOUBLE) * 1E${scale}D`;
    const whole = isWhole(column!.type) ? column!.name : `CAST(round(${scaled}, 0) AS BIGINT)`;
    return `CAST(${whole} AS ${FIXED}) AS ${fixedColumn(column!, scale)}`;
  });
}

function tileParts(plan: AggregatePlan): string[] {
  const { additives, framed } = tileColumns(plan);
  return [
    'count(*) AS events',
    'min(t) AS tf',
    'max(t) AS tl',
    ...additives.map((part) => `${addedSql(part)} AS ${part.name}`),
    ...framed.flatMap(({ name, of, column: { name: v } }) => {
      if (of === 'min' || of === 'max') return [`${of}(${v}) AS ${name}`];
      const sign = of === 'first' ? '' : '-';
      const least = `min(named_struct('t', ${sign}t, 'v', ${v})) FILTER (WHERE ${v} IS NOT NULL)`;
      return [`${sign}(${least}).t AS ${name}_t`, `(${least}).v AS ${name}`];
    }),
  ];
}

function addedSql({ of, column, scale }: AddedPart): string {
  if (of === 'events') return 'count(*)';
  if (of === 'values') return `count(${column!.name})`;
  const fixed = fixedColumn(column!, scale);
  const square = `CAST(${fixed} * ${fixed} AS ${SUM})`;
  const added = { sum: fixed, high: `${square} DIV ${LIMB}`, low: `${square} % ${LIMB}` }[of];
  return `CAST(sum(CAST(${added} AS DECIMAL(28, 0))) AS ${SUM})`;
}
