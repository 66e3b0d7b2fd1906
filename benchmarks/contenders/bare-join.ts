/**
 * The ceiling of the benchmark of training sets: the same join in bare DuckDB, as someone writes it who knows the
 * traps: an ASOF join on distinct times, ties folded by all values, the TTL in seconds, the labels in their order.
 *
 *   node benchmarks/contenders/bare-join.ts LABELS HISTORY OUT FEATURES TTL_SECONDS
 */
import { DuckDBInstance } from '@duckdb/node-api';

const [labels, history, out, features, ttl] = process.argv.slice(2);
const names = features!.split(',');
const last = ['created', ...names].map((name) => `${name} DESC NULLS LAST`).join(', ');
const seen = `f.event_timestamp >= l.event_timestamp - INTERVAL '${ttl}' SECOND`;

const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
await connection.run("SET TimeZone = 'UTC'");
await connection.run(`COPY (
  WITH lab AS (SELECT *, row_number() OVER () AS rid FROM '${labels}'),
  feat AS (FROM '${history}'),
  times AS (SELECT DISTINCT driver_id, event_timestamp FROM feat WHERE driver_id IS NOT NULL),
  hit AS (SELECT l.*, e.event_timestamp AS hit FROM lab l ASOF LEFT JOIN times e
    ON l.driver_id = e.driver_id AND l.event_timestamp >= e.event_timestamp),
  f AS (SELECT * FROM feat SEMI JOIN hit ON feat.driver_id = hit.driver_id AND feat.event_timestamp = hit.hit
    QUALIFY row_number() OVER (PARTITION BY driver_id, event_timestamp ORDER BY ${last}) = 1)
  SELECT l.* EXCLUDE (rid, hit), ${names.map((name) => `CASE WHEN ${seen} THEN f.${name} END AS stats__${name}`).join(', ')}
  FROM hit l LEFT JOIN f ON l.driver_id = f.driver_id AND l.hit = f.event_timestamp ORDER BY rid
) TO '${out}' (FORMAT parquet)`);
connection.closeSync();
instance.closeSync();
