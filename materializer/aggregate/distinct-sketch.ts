/**
 * approxCountDistinct: HyperLogLog (contract/aggregation/sketch/hyperloglog.ts) as SQL, the same bits at every edge.
 *
 *   sketch  r_v0     the greatest rank that each register of an entity saw in a tile
 *   edges   hl_v0_W  where a register's greatest rank in the window changes: what the estimate adds up, packed
 *
 * What the estimate needs of the registers adds up over them: how many have seen a value, how many have the greatest
 * rank, and the sum of 2^-rank, as whole numbers in one HUGEINT. So a window is a running sum of differences, as that
 * of countDistinct is, and no edge looks at its registers.
 *
 *   bit 0          64         77
 *       | sum 2^52 | of 53    | seen |
 */
import {
  ESTIMATE_FACTOR,
  RANK_MAX,
  REGISTERS,
  sigmas,
  taus,
} from '../../contract/aggregation/sketch/hyperloglog.ts';
import type { ValueType } from '../../contract/value-type.ts';
import type { AggregatePlan, PlannedFeature, StreamPart, ValueColumn } from './aggregate-plan.ts';
import { LIFETIME, windowOf } from './aggregate-plan.ts';

const SUM_BITS = 64n;
const SEEN_AT = 77n;

/** By rank from 0: what a register with that greatest rank adds to the packed sum. */
const PACKED: readonly bigint[] = Array.from({ length: RANK_MAX + 1 }, (_, rank) => {
  if (rank === 0) return 0n;
  return (1n << SEEN_AT) + (rank === RANK_MAX ? 1n << SUM_BITS : 1n << BigInt(RANK_MAX - 1 - rank));
});

function sketchFeatures(plan: AggregatePlan): PlannedFeature[] {
  const wanted = plan.features.filter((f) => f.aggregation.function === 'approxCountDistinct');
  return [...new Map(wanted.map((feature) => [sketchName(feature), feature])).values()];
}

function sketchName(feature: PlannedFeature): string {
  return `hl_${feature.column!.name}_${windowOf(feature)}`;
}

export function sketchPart(plan: AggregatePlan): StreamPart {
  const features = sketchFeatures(plan);
  const columns = [...new Set(features.map((f) => f.column!))];
  const names = features.map(sketchName);
  return {
    ctes: columns.map((column) => registersCte(plan, column)),
    branches: features.map((feature) => changesSql(plan, feature)),
    folds: names.map((name) => `sum(${name}) AS ${name}`),
    runs: names.map((name) => `coalesce(sum(${name}) OVER w0, 0) AS ${name}`),
  };
}

function registersCte(plan: AggregatePlan, { name: v, type }: ValueColumn): string {
  const { register, rank } = registerOfHash('h');
  return `r_${v} AS MATERIALIZED (SELECT ${plan.keyList}, e, ${register} AS register, max(${rank}) AS rank
    FROM (SELECT ${plan.keyList}, e, ${hashSql(bytesSql(v, type))} AS h FROM ev WHERE ${v} IS NOT NULL) GROUP BY ALL)`;
}

/** @returns the first 64 bits of the MD5 of the bytes, UBIGINT */
export function hashSql(bytes: string): string {
  return `('0x' || left(md5(${bytes}), 16))::UBIGINT`;
}

/** @param h  a column of what `hashSql` gives */
export function registerOfHash(h: string): { readonly register: string; readonly rank: string } {
  const rest = `(${h} & ${(1n << 52n) - 1n}::UBIGINT)`;
  return {
    register: `(${h} >> 52)::INTEGER`,
    rank: `(CASE WHEN ${rest} = 0 THEN ${RANK_MAX} ELSE ${RANK_MAX} - length(bin(${rest})) END)::INTEGER`,
  };
}

/** The canonical bytes of a value, as text or BLOB. */
export function bytesSql(v: string, { kind }: ValueType): string {
  if (kind === 'float32' || kind === 'float64') return `${v}::DOUBLE::BIT::BLOB`;
  return kind === 'timestamp' ? `epoch_us(${v})::VARCHAR` : `${v}::VARCHAR`;
}

function changesSql(plan: AggregatePlan, feature: PlannedFeature): string {
  const v = feature.column!.name;
  const w = windowOf(feature);
  const registers = `SELECT ${plan.keyList}, register, e, rank FROM r_${v}`;
  const leaving = `SELECT ${plan.keyList}, register, e + ${w}, 0 FROM r_${v}`;
  const from = w === LIFETIME ? registers : `${registers} UNION ALL ${leaving}`;
  const partition = `PARTITION BY ${plan.keyList}, register ORDER BY e`;
  const frame =
    w === LIFETIME ? 'ROWS UNBOUNDED PRECEDING' : `RANGE BETWEEN ${w - 1} PRECEDING AND CURRENT ROW`;
  const greatest = `SELECT *, max(rank) OVER (${partition} ${frame}) AS now FROM (${from})`;
  const packed = (rank: string): string => `([${PACKED.join(', ')}]::HUGEINT[])[${rank} + 1]`;
  return `SELECT ${plan.keyList}, e, ${packed('now')} - ${packed('was')} AS ${sketchName(feature)}
    FROM (SELECT *, lag(now, 1, 0) OVER (${partition}) AS was FROM (${greatest})) WHERE now <> was`;
}

/** The table of the estimate's constants, for as many empty and full registers as there may be. */
export function estimateCtes(plan: AggregatePlan): string[] {
  if (sketchFeatures(plan).length === 0) return [];
  const list = (values: readonly number[]): string => values.map((value) => value.toExponential()).join(', ');
  return [
    `ertl AS MATERIALIZED (SELECT unnest(range(${REGISTERS})) AS n,
      unnest([${list(sigmas().slice(0, REGISTERS))}]) AS sigma, unnest([${list(taus().slice(0, REGISTERS))}]) AS tau)`,
  ];
}

/** @returns the joins that give each feature its constants, as `s_<name>` and `t_<name>` */
export function estimateJoins(plan: AggregatePlan, edges: string): string {
  return sketchFeatures(plan)
    .map((feature) => {
      const name = sketchName(feature);
      const { seen, full } = unpacked(`${edges}.${name}`);
      return `LEFT JOIN ertl AS s_${name} ON s_${name}.n = ${REGISTERS} - ${seen} LEFT JOIN ertl AS t_${name} ON t_${name}.n = ${full}`;
    })
    .join(' ');
}

function unpacked(packed: string): { readonly seen: string; readonly full: string; readonly sum: string } {
  return {
    seen: `(${packed} >> ${SEEN_AT}::HUGEINT)::INTEGER`,
    full: `((${packed} >> ${SUM_BITS}::HUGEINT) & ${(1n << (SEEN_AT - SUM_BITS)) - 1n}::HUGEINT)::INTEGER`,
    sum: `(${packed} & ${(1n << SUM_BITS) - 1n}::HUGEINT)::UBIGINT::DOUBLE / ${(2 ** 52).toExponential()}`,
  };
}

/** @returns the estimate at an edge, from the packed sum and the constants that `estimateJoins` brought */
export function estimateSql(feature: PlannedFeature): string {
  const name = sketchName(feature);
  const { seen, sum } = unpacked(name);
  const estimate = `${ESTIMATE_FACTOR.toExponential()} / ((${sum} + t_${name}.tau) + s_${name}.sigma)`;
  return `CASE WHEN ${seen} = 0 THEN 0 ELSE round(${estimate})::BIGINT END`;
}
