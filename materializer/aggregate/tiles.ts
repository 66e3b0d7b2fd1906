/**
 * Tiles: the events of one entity that enter at one edge, folded once. They bound everything that follows, hot
 * entities included. What adds up (counts, sums) is summed once from the entity's first tile on; the stream of edges
 * carries only which tile was the last to enter and, for each window, the last to leave, and a window's value is the
 * difference of their totals. What cannot be taken back (min, max, first, last) is folded over the tiles
 * inside a RANGE frame.
 *
 *   total   one row a tile: id | keys | e | framed columns | c_n, c_s_v0x6, ... (totals up to and with this tile)
 *   edges   at e of a tile: id AS entered; at e + W: id AS left_W
 *
 * Running sums of deltas along the edges would be one wide sum a window, over three times as many rows: twice the CPU.
 */
import type { AggregatePlan, PlannedFeature, StreamPart, TileSteps, ValueColumn } from './aggregate-plan.ts';
import { LIFETIME, windowOf } from './aggregate-plan.ts';
import {
  avgSql,
  fixedSql,
  limbsOfSquare,
  quotientSql,
  scaleOf,
  spreadSql,
  squaresSql,
  stddevSql,
  sumSql,
} from './fixed-point.ts';
import { newestSql, newestSteps } from './newest-values.ts';
import { sessionEnds, sessionSteps, sessionSuffix, sessionValues } from './sessions.ts';
import type { SessionColumns } from './sessions.ts';

/** What of the events of a tile adds up: how many they are, or of a column the values, their sum, limbs of squares. */
export interface AddedPart {
  readonly of: 'events' | 'values' | 'sum' | 'high' | 'low';
  /** null: events are counted. */
  readonly column: ValueColumn | null;
  readonly scale: number;
}

/** What does not add up. */
interface FramedPart {
  readonly of: 'min' | 'max' | 'first' | 'last';
  readonly column: ValueColumn;
}

/** A column of the tile and the windows it is needed for (0: lifetime). */
interface Additive extends AddedPart {
  readonly name: string;
  readonly windows: Set<number>;
}

interface Framed extends FramedPart {
  readonly name: string;
  readonly windows: Set<number>;
}

/** @returns the name of the window frame that holds the tiles of a window */
function frameName(hops: number): string {
  return hops === LIFETIME ? 'w0' : `w${hops}`;
}

interface TileColumns {
  readonly additives: readonly Additive[];
  readonly framed: readonly Framed[];
  /** Windows in hops that something adds up over, lifetimes left out. */
  readonly windows: readonly number[];
}

/** What a tile of the plan's features has, but for single values. */
export function tileColumns(plan: AggregatePlan): TileColumns {
  const additives = new Map<string, Additive>();
  const framed = new Map<string, Framed>();
  for (const feature of plan.features) {
    for (const [name, part] of additivesOf(feature)) {
      const additive = additives.get(name) ?? { name, ...part, windows: new Set() };
      if (feature.sessionHops === null) additive.windows.add(windowOf(feature));
      additives.set(name, additive);
    }
    const part = framedOf(feature);
    if (part === null) continue;
    const name = framedName(part);
    const known = framed.get(name) ?? { name, ...part, windows: new Set() };
    if (feature.sessionHops === null) known.windows.add(windowOf(feature));
    framed.set(name, known);
  }
  const all = [...additives.values()];
  const windows = plan.windows.filter((hops) => all.some((a) => a.windows.has(hops)));
  return { additives: all, framed: [...framed.values()], windows };
}

export function tilePart(plan: AggregatePlan): StreamPart {
  const { additives, framed, windows } = tileColumns(plan);
  const folds = [
    ...additives.map((part) => `${addedSql(plan, part)} AS ${part.name}`),
    ...framed.map((part) => `${framedSql(plan, part)} AS ${part.name}`),
  ];
  const totals = additives.map((a) => `coalesce(sum(${a.name}) OVER p, 0) AS c_${a.name}`);
  const kept = framed.map((f) => f.name);
  const steps = [newestSteps(plan), sessionSteps(plan, sessionColumns)];
  const step = (name: keyof TileSteps): string[] => steps.flatMap((one) => one[name]);
  const upTo = `WINDOW p AS (PARTITION BY ${plan.keyList} ORDER BY e ROWS UNBOUNDED PRECEDING)`;
  const own = [plan.keyList, 'e', 'row_number() OVER () AS id', ...kept, ...totals, ...step('total')];
  return {
    ctes: [
      `tile AS (SELECT ${[plan.keyList, 'e', ...folds, ...step('tile')].join(', ')} FROM ev GROUP BY ${plan.keyList}, e)`,
      `counted AS (SELECT ${['*', ...step('counted')].join(', ')} FROM tile ${upTo})`,
      `numbered AS (SELECT ${['*', ...step('numbered')].join(', ')} FROM counted ${upTo})`,
      `total AS MATERIALIZED (SELECT ${own.join(', ')} FROM numbered ${upTo})`,
    ],
    branches: [
      `SELECT ${[plan.keyList, 'e', '1 AS present', 'id AS entered', ...kept].join(', ')} FROM total`,
      // A tile leaves each window of the view: also where nothing adds up, its values may change there.
      ...plan.windows.map((hops) => {
        const left = windows.includes(hops) ? [`id AS left_${hops}`] : [];
        return `SELECT ${[plan.keyList, `e + ${hops} AS e`, ...left].join(', ')} FROM total`;
      }),
      ...sessionEnds(plan),
    ],
    folds: [
      'max(present) AS present',
      'max(entered) AS entered',
      ...windows.map((hops) => `max(left_${hops}) AS left_${hops}`),
      ...framed.map((f) => `any_value(${f.name}) AS ${f.name}`),
    ],
    runs: [
      'last_value(present IGNORE NULLS) OVER w0 AS present',
      'last_value(entered IGNORE NULLS) OVER w0 AS entered',
      ...windows.map((hops) => `last_value(left_${hops} IGNORE NULLS) OVER w0 AS left_${hops}`),
      ...framed.flatMap((f) =>
        [...f.windows].map((w) => `${foldSql(f)} OVER ${frameName(w)} AS ${f.name}_${w}`),
      ),
    ],
  };
}

/**
 * @returns the edges of `w` with what adds up over each window, `n_7`, `s_v0x6_30`, `n_0`: HUGEINT, counts BIGINT; and
 *          what stddev works with, found once: the quotient `a_...`
 */
export function sumsSql(plan: AggregatePlan): string {
  const { additives, windows } = tileColumns(plan);
  const sums = additives.flatMap((a) =>
    [...a.windows].map((w) => {
      const entered = `coalesce(entered.c_${a.name}, 0)`;
      const sum = w === LIFETIME ? entered : `(${entered} - coalesce(left_${w}.c_${a.name}, 0))`;
      return `${a.name.startsWith('n') ? `${sum}::BIGINT` : sum} AS ${a.name}_${w}`;
    }),
  );
  const newest = newestSteps(plan).entered.map((name) => `entered.${name}`);
  const carried = [...newest, ...sessionValues(plan, sessionColumns)];
  if (sums.length + carried.length === 0) return 'SELECT * FROM w';
  const joins = [
    'LEFT JOIN total entered ON entered.id = w.entered',
    ...windows.map((hops) => `LEFT JOIN total left_${hops} ON left_${hops}.id = w.left_${hops}`),
  ];
  const stddevs = new Map(
    plan.features.filter((f) => f.aggregation.function === 'stddev').map((f) => [stddevName(f), f] as const),
  );
  const inner = `SELECT ${['w.*', ...carried, ...sums].join(', ')} FROM w ${joins.join(' ')}`;
  if (stddevs.size === 0) return inner;
  const quotients = [...stddevs].flatMap(([name, f]) => [
    `${quotientSql(...sumAndCount(f))} AS a_${name}`,
    `${squaresSql(`qh_${name}`, `ql_${name}`)} AS q_${name}`,
  ]);
  const spreads = [...stddevs].flatMap(([name, f]) => {
    const [sum, count] = sumAndCount(f);
    const spread = spreadSql(sum, `q_${name}`, count, `a_${name}`);
    return [`${spread.whole} AS u_${name}`, `${spread.rest} AS b_${name}`];
  });
  return `SELECT *, ${spreads.join(', ')} FROM (SELECT *, ${quotients.join(', ')} FROM (${inner}))`;
}

/** What a feature of a session takes of the tiles. */
function sessionColumns(feature: PlannedFeature): SessionColumns {
  const part = framedOf(feature);
  const framed = part === null ? [] : [{ name: framedName(part), fold: foldSql(part) }];
  return { additives: additivesOf(feature).map(([name]) => name), framed };
}

/** @returns what stands behind the name of a column that is found over a window or a session */
function suffixOf(feature: PlannedFeature): string {
  return feature.sessionHops === null ? String(windowOf(feature)) : sessionSuffix(feature.sessionHops);
}

/** What tells the columns of one spread apart: its column in fixed point and its window. */
function stddevName(feature: PlannedFeature): string {
  return `${fixedColumn(feature.column!, scaleOf(feature))}_${suffixOf(feature)}`;
}

/** @returns the condition that a standard deviation is null since the sum of squares is past 10^38 - 1 */
export function spreadLostSql(feature: PlannedFeature): string {
  const [, count] = sumAndCount(feature);
  return `(${count} > 1 AND u_${stddevName(feature)} IS NULL)`;
}

function sumAndCount(feature: PlannedFeature): [sum: string, count: string] {
  return [`s_${stddevName(feature)}`, `n_${feature.column!.name}_${suffixOf(feature)}`];
}

function additivesOf(feature: PlannedFeature): [name: string, part: AddedPart][] {
  const { column } = feature;
  const name = feature.aggregation.function;
  if (column === null) return name === 'count' ? [['n', { of: 'events', column, scale: 0 }]] : [];
  const count: [string, AddedPart] = [`n_${column.name}`, { of: 'values', column, scale: 0 }];
  if (name === 'count' || name === 'lastN') return [count];
  const scale = name === 'sum' || name === 'avg' || name === 'stddev' ? scaleOf(feature) : 0;
  const fixed = fixedColumn(column, scale);
  const sum: [string, AddedPart] = [`s_${fixed}`, { of: 'sum', column, scale }];
  if (name === 'sum') return [sum];
  if (name === 'avg') return [sum, count];
  if (name !== 'stddev') return [];
  return [
    sum,
    count,
    [`qh_${fixed}`, { of: 'high', column, scale }],
    [`ql_${fixed}`, { of: 'low', column, scale }],
  ];
}

/** @returns what adds up of one tile, over its events or over what was made of them */
function addedSql({ given }: AggregatePlan, { name, of, column, scale }: Additive): string {
  const isCount = of === 'events' || of === 'values';
  // They come as DECIMAL(38, 0): laid aside by entity, HUGEINT would become DOUBLE in Parquet.
  if (given === 'tiles') return isCount ? `sum(${name})::BIGINT` : `sum(${name}::HUGEINT)`;
  if (isCount) return column === null ? 'count(*)' : `count(${column.name})`;
  const fixed = fixedColumn(column!, scale);
  return `sum(${of === 'sum' ? fixed : limbsOfSquare(fixed)[of]})`;
}

/** The fixed-point form of a value column in `ev`. */
export function fixedColumn(column: ValueColumn, scale: number): string {
  return `${column.name}x${scale}`;
}

/** @returns the fixed-point columns that `ev` needs: `round(v0::DOUBLE * 1e6)::HUGEINT AS v0x6` */
export function fixedColumns(plan: AggregatePlan): string[] {
  const columns = new Map<string, string>();
  for (const feature of plan.features) {
    if (!['sum', 'avg', 'stddev'].includes(feature.aggregation.function)) continue;
    const scale = scaleOf(feature);
    const name = fixedColumn(feature.column!, scale);
    columns.set(name, `${fixedSql(feature.column!.name, feature.column!.type, scale)} AS ${name}`);
  }
  return [...columns.values()];
}

function framedOf({ column, aggregation: { function: of } }: PlannedFeature): FramedPart | null {
  return of === 'min' || of === 'max' || of === 'first' || of === 'last' ? { of, column: column! } : null;
}

function framedName({ of, column }: FramedPart): string {
  return `${{ min: 'min', max: 'max', first: 'fst', last: 'lst' }[of]}_${column.name}`;
}

/** Ties of first and last go to the smallest value; DuckDB orders strings by their bytes, which is canonical. */
function framedSql({ given }: AggregatePlan, part: Framed): string {
  const { of, name } = part;
  const [v, t] = given === 'events' ? [part.column.name, 't'] : [name, `${name}_t`];
  if (of === 'min' || of === 'max') return `${of}(${v})`;
  return `${of}(${v} ORDER BY ${t}, ${v}${of === 'last' ? ' DESC' : ''}) FILTER (${v} IS NOT NULL)`;
}

/** @returns how a frame of tiles folds */
function foldSql(part: FramedPart): string {
  const name = framedName(part);
  if (part.of === 'min' || part.of === 'max') return `${part.of}(${name})`;
  return `${part.of}_value(${name} IGNORE NULLS)`;
}

/** @returns the value of a feature that tiles give, from the columns of the running edges */
export function tileValueSql(feature: PlannedFeature): string {
  const w = suffixOf(feature);
  const column = feature.column?.name;
  if (feature.aggregation.function === 'duration') return `duration_${w}`;
  if (feature.aggregation.function === 'count') return column === undefined ? `n_${w}` : `n_${column}_${w}`;
  if (feature.aggregation.function === 'lastN') return newestSql(feature, `n_${column}_${w}`);
  const framed = framedOf(feature);
  if (framed !== null) return `${framedName(framed)}_${w}`;
  const scale = scaleOf(feature);
  const [sum, count] = sumAndCount(feature);
  if (feature.aggregation.function === 'sum') return sumSql(sum, feature);
  if (feature.aggregation.function === 'avg') return avgSql(sum, count, scale);
  return stddevSql(`u_${stddevName(feature)}`, `b_${stddevName(feature)}`, count, scale);
}
