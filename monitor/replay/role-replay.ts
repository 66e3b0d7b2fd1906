/**
 * The replay of one role of a service over a day, as far as SQL can do it: what agrees is counted, what is open becomes
 * a table for the judge.
 *
 *   archive --+--> rows of the role --split--> agreeing: counted by the states of their values
 *   history --'         (rows in force)   `--> open: replay_open
 */
import { hasHistory } from '../../contract/model.ts';
import type {
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  JoinKey,
  ServiceView,
} from '../../contract/model.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteText, valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { bundlesOf, kindsOf } from '../day/servers.ts';
import { HashedFeature } from '../judge/hashed-values.ts';
import type { DefinedView, ServedHistory } from '../judge/served-history.ts';
import type { SparkSplits } from '../spark/spark-split.ts';
import { restColumn } from '../archive/archive-shape.ts';
import { NO_TRAFFIC, agreeingTraffic, layTraffic } from './agreeing-traffic.ts';
import type { AgreeingTraffic } from './agreeing-traffic.ts';
import { countAgreeing, countWithheld, layAgreeing } from './agreeing-counts.ts';
import type { AgreeingStates } from './agreeing-counts.ts';
import type { Counting } from './marked-values.ts';
import { layOpenRows } from './open-rows.ts';
import { planHistory, readingKinds } from './plan/history-plan.ts';
import type { HistoryPlan, MarkedKind, PlannedRole } from './plan/history-plan.ts';
import { roleKeys } from './role-keys.ts';
import { DIGESTS, layDigests } from './row-digests.ts';
import { splitRows } from './row-split.ts';
import type { BundleReading, SplitRows } from './row-split.ts';
import { layRowsInForce } from './rows-in-force.ts';
import { ENTITIES } from './served-entities.ts';
import type { ServedEntities } from './served-entities.ts';
import type { ServedFeature } from './served-files.ts';

interface ReplayedRole {
  /** The vectors of the day. */
  readonly served: Pick<DayOfService, 'files' | 'servers' | 'firstUs' | 'lastUs'>;
  /** When the day begins. */
  readonly fromUs: number;
  readonly used: ServiceView;
  /** The view in the bundle in force, and its entity. */
  readonly view: FeatureView;
  readonly entity: Entity;
  /** What the service takes from it, in the service's order. */
  readonly features: readonly { readonly fullName: string; readonly feature: Feature }[];
  readonly requestKeys: readonly JoinKey[];
  /** @returns the service as a bundle that vectors of the day name has it */
  serviceOf(bundle: string): FeatureService;
  readonly history: ServedHistory;
  readonly entities: ServedEntities;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
  /** Table of the vectors (`vid`) that are open whatever their rows are. */
  readonly asked: string;
  /** @returns the view in a bundle that vectors of the day name */
  definedBy(bundle: string): DefinedView;
  /** Time up to which the history is complete under a bundle's definition; null: nowhere. For aggregated views. */
  historyWatermarkUs(bundle: string): number | null;
  /** Splits the rows in place of DuckDB; null: DuckDB does. */
  readonly spark: SparkSplits | null;
}

interface SplitRole {
  /** What the archive has of the role's rows, as s0, h0 ...: what the service takes first, in its order. */
  readonly features: readonly ServedFeature[];
  /** Columns of the rows that give the join keys, in the order of the entity's. */
  readonly joinColumns: readonly string[];
  /** For each feature of the role, as those below: what is counted of its values in rows that agree. */
  readonly counted: readonly Counting[];
  readonly agreeing: readonly AgreeingStates[];
  /** How many of them are withheld, by the reason. */
  readonly withheld: readonly ReadonlyMap<string, number>[];
  /** Of how many rows of the history a vector that agrees with them has a value. */
  readonly agreeingRows: readonly number[];
  /** How many rows were given out and agree. */
  readonly given: number;
  /** Whether rows of the history are laid out, so that some could agree. */
  readonly isLaid: boolean;
  readonly hasCreatedTimes: boolean;
  readonly traffic: AgreeingTraffic;
  /** The places of the features of which the log has HMACs. */
  readonly hashed: readonly number[];
  /** How many rows are open. */
  readonly open: number;
  /** What has split them, which replays the open ones, too; null: DuckDB does. */
  readonly spark: SparkSplits | null;
}

/**
 * @returns null: no vector of the day has a row of the role
 * @throws  DuckDB's error when the history cannot be read
 */
export async function splitRole(duck: DuckDb, role: ReplayedRole): Promise<SplitRole | null> {
  const { used, view } = role;
  const { files, servers } = role.served;
  const taken = role.features.map(({ feature }) => feature);
  const rest = restOf(role);
  const features = [...taken, ...rest.map(({ feature }) => feature)];
  const served = [...role.features, ...rest].map(servedFeature);
  const all = files.rowsOf(used.role, served);
  if (all === null || servers.length === 0) return null;
  const bundles = bundlesOf(servers);
  const { keys, withKeys } = roleKeys(role, bundles);
  const rows = withKeys(all);
  const hasCreatedTimes = hasHistory(view) || view.source.createdTime !== null;
  const planned = { ...role, compared: features };
  const marked = readingKinds(planned, kindsOf(servers));
  const columns = { served, keys, hasCreatedTimes, bundles, rows };
  const { readings: numbered, open, spark } = await split(duck, planned, marked, columns);
  const isLaid = numbered.length > 0;
  const isHashed = served.map((feature) => files.hasHmacsOf(feature));
  const placesWhere = (has: boolean): number[] => isHashed.flatMap((own, i) => (own === has ? i : []));
  const counted = marked[0]?.counted ?? taken.map(() => 'plain' as const);
  const none = { given: 0, states: taken.map(() => new Map()), rows: taken.map(() => 0) };
  const agreeing = isLaid
    ? await countAgreeing(
        duck,
        taken.map(({ type }, i) => ({ type, counted: counted[i]! })),
      )
    : none;
  return {
    features: served,
    joinColumns: keys,
    counted,
    agreeing: agreeing.states,
    withheld: await countWithheld(duck, numbered, taken.length),
    agreeingRows: agreeing.rows,
    given: agreeing.given,
    isLaid,
    hasCreatedTimes,
    traffic: isLaid ? await agreeingTraffic(duck, servers) : NO_TRAFFIC,
    hashed: placesWhere(true),
    open: await layOpenRows(duck, open, placesWhere(false), servers),
    spark,
  };
}

/** What a role's rows have, and how they are named. */
interface RoleColumns {
  readonly served: readonly ServedFeature[];
  readonly keys: readonly string[];
  readonly hasCreatedTimes: boolean;
  /** Those that answered. */
  readonly bundles: readonly string[];
  /** A SELECT of them. */
  readonly rows: string;
}

/** Splits the rows and counts those that agree, by Spark where it is asked for. */
async function split(
  duck: DuckDb,
  role: ReplayedRole & PlannedRole,
  marked: readonly MarkedKind[],
  { served, keys, hasCreatedTimes, bundles, rows: sql }: RoleColumns,
): Promise<SplitRows & Pick<SplitRole, 'spark'>> {
  const { files, servers } = role.served;
  const rows = {
    keys,
    features: role.compared,
    hasCreatedTimes,
    kinds: kindsOf(servers),
    float32: bundles.filter((bundle) => role.serviceOf(bundle).tensor === 'float32'),
    asked: role.asked,
    fromUs: role.fromUs,
  };
  const plan = (history: ServedHistory): Promise<HistoryPlan> => planHistory({ ...role, history }, marked);
  if (role.spark !== null && marked.length > 0) {
    const work = { ...role, bundles, files, columns: served, rows: sql, split: rows, plan };
    const done = await role.spark.split(work);
    if (done !== null) return { ...done, spark: role.spark };
  }
  const { withKeys } = roleKeys(role, bundles);
  const laid = await plan(role.history);
  if (marked.length > 0) await role.entities.lay(withKeys(files.vectors), keys);
  for (const [i, day] of laid.days.entries())
    await layRowsInForce(duck, { ...day, entities: ENTITIES }, i === 0);
  await layHmacs(duck, role, laid.readings);
  const readings = await splitRows(duck, { ...rows, rows: sql, readings: laid.readings });
  await duck.run(`DROP TABLE IF EXISTS ${DIGESTS}`);
  if (readings.length > 0) {
    await layAgreeing(duck);
    await layTraffic(duck);
  }
  return { readings, open: sql, spark: null };
}

/** Lays out the HMACs of what the rows hold, where the log has HMACs alone. */
async function layHmacs(
  duck: DuckDb,
  { view, compared, hmacKey }: PlannedRole & Pick<ReplayedRole, 'hmacKey'>,
  readings: readonly BundleReading[],
): Promise<void> {
  const places = [...new Set(readings.flatMap(({ digests }) => digests))].toSorted((a, b) => a - b);
  if (places.length === 0) return;
  await layDigests(
    duck,
    places.map((at) => {
      const { type } = compared[at]!;
      const hashes = new HashedFeature(hmacKey!, view.id, compared[at]!);
      return { at, type, digestOf: (raw) => hashes.digest(valueFromDuck(type, raw)) };
    }),
  );
}

/** What the tables of a role begin with: of its replay, and of what as-served/ looks up. */
const OF_ROLE = ['replay_', 'found_', 'earlier_', 'masked_', 'column_revealed_'];

/** Drops what was laid out of a role: of a large day it would take the memory of the next one. */
export async function dropReplay(duck: DuckDb): Promise<void> {
  const isOfRole = (name: string): string =>
    OF_ROLE.map((prefix) => `starts_with(${name}, ${quoteText(prefix)})`).join(' OR ');
  const found =
    await duck.rows(`SELECT 'TABLE' AS kind, table_name AS name FROM duckdb_tables() WHERE ${isOfRole('table_name')}
    UNION ALL SELECT 'VIEW', view_name FROM duckdb_views() WHERE ${isOfRole('view_name')}`);
  // Views go first.
  const dropped = found.toSorted(
    (one, other) => Number(one['kind'] === 'TABLE') - Number(other['kind'] === 'TABLE'),
  );
  if (dropped.length > 0)
    await duck.run(dropped.map(({ kind, name }) => `DROP ${kind as string} ${name as string}`).join('; '));
}

/** A feature of the role's rows, and the columns that may have it. */
interface ArchivedFeature {
  readonly feature: Feature;
  readonly fullName: string;
  readonly column?: string;
}

/** What the rows have beside the features that the service takes: with it a row is told from another one. */
function restOf({ served: { files }, used, view, features }: ReplayedRole): ArchivedFeature[] {
  return view.features
    .filter((one) => one.log === 'raw' && !features.some(({ feature }) => feature === one))
    .map((feature) => ({
      feature,
      fullName: `${used.role}__${feature.name}`,
      column: restColumn(used.role, feature.name),
    }))
    .filter((one) => files.hold(servedFeature(one)));
}

/** Earlier in the day the service may have taken what it does not take now. */
function servedFeature({ feature: { name, type }, fullName, column }: ArchivedFeature): ServedFeature {
  return { name, type, columns: column === undefined ? [fullName] : [column, fullName] };
}
