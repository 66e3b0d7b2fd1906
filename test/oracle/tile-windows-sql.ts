/**
 * Windows over rows of tiles in the plainest SQL: at each edge a feature is an aggregate over the tiles that lie in its
 * window. Nothing runs along the edges as in the batch SQL; the formulas of sums are the same.
 */
import { resultType } from '../../contract/aggregation/result-type.ts';
import type { TilePlan } from '../../contract/aggregation/tile-plan.ts';
import { planAggregates } from '../../materializer/aggregate/aggregate-plan.ts';
import type { PlannedFeature } from '../../materializer/aggregate/aggregate-plan.ts';
import {
  avgSql,
  quotientSql,
  scaleOf,
  spreadSql,
  squaresSql,
  stddevSql,
  sumSql,
} from '../../materializer/aggregate/fixed-point.ts';

/**
 * @param rows  tables of merged tiles, by their names
 * @returns     a SELECT of k0.., edge, f0..: the values at each edge where a tile enters or leaves a window
 */
export function tileWindowsSql(plan: TilePlan, rows: ReadonlyMap<string, string>): string {
  const keys = plan.entity.joinKeys.map((_, i) => `k${i}`);
  const planned = planAggregates(plan.view, plan.entity).features;
  const lengths = [...new Set(plan.features.flatMap(({ hops }) => (hops === null ? [] : [hops])))];
  const edges = [0, ...lengths].map(
    (hops) => `SELECT ${keys.join(', ')}, edge + ${hops * plan.hopUs} AS edge FROM tile`,
  );
  const joins = planned.map((_, i) => `JOIN value${i} USING (${keys.join(', ')}, edge)`);
  return `WITH ${[...rows].map(([name, sql]) => `${name} AS (${sql})`).join(', ')},
    edges AS (${edges.join(' UNION ')}),
    ${planned.map((feature, i) => `value${i} AS (${featureSql(plan, feature, i)})`).join(', ')}
    SELECT ${keys.join(', ')}, edge, ${planned.map(({ name }) => name).join(', ')} FROM edges ${joins.join(' ')}`;
}

function featureSql(plan: TilePlan, planned: PlannedFeature, i: number): string {
  const { hops, parts } = plan.features[i]!;
  const keys = plan.entity.joinKeys.map((_, k) => `k${k}`);
  const group = keys.map((k) => `edges.${k}`).join(', ');
  const part = plan.parts[parts[0] ?? -1];
  const list = part?.fields.some(({ kind }) => kind === 'list') === true;
  const table = list ? part.fields[0]!.name : 'tile';
  const inWindow = [
    ...keys.map((k) => `edges.${k} = one.${k}`),
    'one.edge <= edges.edge',
    ...(hops === null ? [] : [`one.edge > edges.edge - ${hops * plan.hopUs}`]),
  ];
  const from = `FROM edges LEFT JOIN ${table} one ON ${inWindow.join(' AND ')}`;
  const result = (inner: string, value: string): string =>
    `SELECT ${keys.join(', ')}, edge, ${typedSql(value, planned)} AS ${planned.name} FROM (${inner})`;
  const grouped = (columns: string): string =>
    `SELECT ${group}, edges.edge AS edge, ${columns} ${from} GROUP BY ALL`;
  if (planned.aggregation.function === 'mostFrequent') {
    const counts = grouped('value, sum(count) AS times');
    const ranked = `SELECT *, row_number() OVER (PARTITION BY ${keys.join(', ')}, edge ORDER BY times DESC, value) AS place FROM (${counts})`;
    return result(`SELECT * FROM (${ranked}) WHERE place = 1`, 'value');
  }
  return valueSql(plan, planned, i, { grouped, result });
}

function typedSql(value: string, { feature, aggregation, duckType }: PlannedFeature): string {
  const { type } = feature;
  if (type.kind === 'timestamp') return `make_timestamp(${value})`;
  if (type.kind === 'list' && type.of.kind === 'timestamp')
    return `list_transform(${value}, lambda us: make_timestamp(us))`;
  const natural = resultType(aggregation.function, aggregation.columnType);
  const rounded = natural.kind.startsWith('float') && type.kind.startsWith('int');
  return `TRY_CAST((${rounded ? `TRY_CAST(${value} AS BIGINT)` : value}) AS ${duckType})`;
}

interface Sql {
  readonly grouped: (columns: string) => string;
  readonly result: (inner: string, value: string) => string;
}

function valueSql(plan: TilePlan, planned: PlannedFeature, i: number, { grouped, result }: Sql): string {
  const fields = plan.features[i]!.parts.map((at) => plan.parts[at]!.fields.map(({ name }) => name));
  const [field] = fields[0] ?? ['n'];
  const sum = `coalesce(sum(${field}::HUGEINT), 0) AS s`;
  const count = fields.length > 1 ? `coalesce(sum(${fields[1]![0]}), 0)::BIGINT AS n` : '';
  switch (planned.aggregation.function) {
    case 'count':
      return result(grouped(`coalesce(sum(${field}), 0) AS v`), 'v');
    case 'sum':
      return result(grouped(sum), sumSql('s', planned));
    case 'avg':
      return result(grouped(`${sum}, ${count}`), avgSql('s', 'n', scaleOf(planned)));
    case 'stddev': {
      const q = `${fields[2]![0]}::HUGEINT`;
      const squares = squaresSql(`sum(${q} >> 64::HUGEINT)`, `sum(${q} & 18446744073709551615::HUGEINT)`);
      const lost = `count(*) FILTER (${fields[2]![0]} IS NULL AND one.edge IS NOT NULL)`;
      const sums = grouped(`${sum}, ${count}, CASE WHEN ${lost} = 0 THEN ${squares} END AS q`);
      const quotients = `SELECT *, ${quotientSql('s', 'n')} AS a FROM (${sums})`;
      const spread = spreadSql('s', 'q', 'n', 'a');
      const spreads = `SELECT *, ${spread.whole} AS u, ${spread.rest} AS b FROM (${quotients})`;
      return result(spreads, stddevSql('u', 'b', 'n', scaleOf(planned)));
    }
    case 'min':
    case 'max':
      return result(grouped(`${planned.aggregation.function}(${field}) AS v`), 'v');
    case 'first':
    case 'last': {
      const [time, value] = fields[0]!;
      const order = planned.aggregation.function === 'first' ? time : `${time} DESC`;
      return result(
        grouped(`first(${value} ORDER BY ${order}, ${value}) FILTER (${time} IS NOT NULL) AS v`),
        'v',
      );
    }
    case 'countDistinct':
      return result(grouped('count(DISTINCT value) AS v'), 'v');
    case 'lastN': {
      const list = `list(value ORDER BY t DESC, value) FILTER (t IS NOT NULL)`;
      return result(grouped(`(${list})[1:${planned.aggregation.n}] AS v`), 'v');
    }
    default:
      // Sketches have no plain SQL: what their rows come to is told by JavaScript alone.
      return result(grouped('NULL AS v'), 'v');
  }
}
