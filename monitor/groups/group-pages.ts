/**
 * Reads the groups of a role's open rows (vector-groups.ts) page by page for the judge: all of the first vector of each
 * group, and of the others what tells them apart. Both sides are laid once, each in the order of the groups, so that a
 * page is a short piece of each table, and what stands in memory does not follow the day.
 *
 *   replay_firsts      of all groups: place, vectors, entity_n, row_n | agreed: how many others agree in every way with
 *                      the replayed row | is_asked: it is judged alone | vid, and what is replayed of the first vector,
 *                      without values
 *   replay_given       place | the first vector of each as it was served (judge/replayed-vector.ts)
 *   replay_trained_of, replay_available_of    place | the values of its replayed rows, where it has one
 *
 * Dropped when the first is there: replay_known (k0 ... | is_known, first_us, gone: the entity's history),
 * replay_crowded (k0 ..., event_us: events with several rows), and replay_agreed (place, vectors: groups whose replayed
 * row others agree with).
 */
import type { FeatureService, FeatureView } from '../../contract/model.ts';
import type { DuckDb, SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { ClockReading } from '../causes/facts.ts';
import type { PodClocks } from '../judge/pod-clocks.ts';
import {
  replayedColumns,
  replayedValues,
  servedColumns,
  valuesByPlace,
  vectorReader,
} from '../judge/replayed-vector.ts';
import type { ReplayedVector, VectorTables } from '../judge/replayed-vector.ts';
import { agreedSql } from '../replay/agreeing-traffic.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import type { ServedFeature } from '../replay/served-files.ts';
import { vectorNames } from '../replay/vector-names.ts';
import type { VectorName } from '../tally/example.ts';
import type { VectorColumns } from '../tally/served-place.ts';
import { ServedKinds } from './served-kinds.ts';
import { GROUPS, MEMBERS, membersOf } from './vector-groups.ts';

/** A page of groups, and the columns in which their vectors stand one group after the other. */
interface GroupPage {
  /** The places of its groups: from the first to before the second. */
  readonly places: readonly [from: number, until: number];
  readonly vectors: VectorColumns;
  /** Yields the groups, some at a time: what is made of them need not outlive these. */
  batches(): Iterable<readonly ReplayedGroup[]>;
}

interface ReplayedGroup {
  /** The first of its vectors. */
  readonly vector: ReplayedVector;
  /** Whether it has one vector, whose answer is logged. */
  readonly isAsked: boolean;
  /** Numbers from 0. */
  readonly entity: number;
  readonly row: number;
  /** How many other vectors agree in every way with its replayed row. */
  readonly agreed: number;
  /** Its vectors in the columns of the page. */
  readonly from: number;
  readonly to: number;
}

interface GroupedRole {
  readonly service: FeatureService;
  /** In the bundle in force. */
  readonly view: FeatureView;
  /** What the archive has of its rows, in the order of s0, h0 ... */
  readonly features: readonly ServedFeature[];
  /** The places of those of which the log has HMACs. */
  readonly hashed: ReadonlySet<number>;
  readonly clocks: PodClocks;
  /** Table of the vectors, as the archive numbers them, whose answers are logged. */
  readonly asked: string;
  /** Whether rows of the history are laid out with which vectors agree. */
  readonly isLaid: boolean;
  /** Whether each row had been created before joins see it, so that what is available is what training sees. */
  readonly isAllInTime: boolean;
  /** How many join keys there are. */
  readonly keys: number;
  /** How many groups there are, and how many are read at once. */
  readonly groups: number;
  readonly groupsAtOnce: number;
  readonly pods: readonly string[];
}

interface LaidRole extends GroupedRole {
  /** Whether an honest store had another row than training sees, of any of the vectors. */
  readonly isAvailableOther: boolean;
  readonly kinds: ServedKinds;
}

export const GROUPS_AT_ONCE = 10_240;
/** So few that what the judge makes of them is garbage before V8 moves it: half of what 512 at once cost to collect. */
const BATCH_GROUPS = 32;
/** Where a statement may be run for those of a batch: of logged answers, and of rows with HMACs. */
const ASKED_BATCH_GROUPS = 4_096;
export const FIRSTS = 'replay_firsts';
export const GIVEN = 'replay_given';
const REPLAYED = { trained: 'replay_trained_of', available: 'replay_available_of' } as const;
type Mode = keyof typeof REPLAYED;
/** Nothing else asks for these. */
const DONE = ['known', 'crowded', 'agreed', 'own', 'missed'].map((name) => `replay_${name}`);
const NONE_AGREED = 'SELECT NULL::BIGINT AS place, NULL::BIGINT AS vectors WHERE false';

export class GroupPages {
  readonly #duck: DuckDb;
  readonly #role: LaidRole;

  private constructor(duck: DuckDb, role: LaidRole) {
    this.#duck = duck;
    this.#role = role;
  }

  /** Called when the groups and the joins of the replay are there. */
  static async lay(duck: DuckDb, role: GroupedRole): Promise<GroupPages> {
    const isAvailableOther = !role.isAllInTime && (await someAreOther(duck));
    const keys = namesOf(role).join(', ');
    const { isLaid, view } = role;
    const agreed = isLaid ? agreedSql({ keys: role.keys, isStored: view.kind === 'stored' }) : NONE_AGREED;
    await duck.run(`CREATE OR REPLACE TEMP TABLE replay_known AS SELECT ${keys}, bool_or(NOT deleted) AS is_known,
        min(event_us) AS first_us, max({e: event_us, c: created_us}) FILTER (deleted) AS gone FROM replay_rows GROUP BY ALL;
      CREATE OR REPLACE TEMP TABLE replay_crowded AS SELECT ${keys}, event_us FROM replay_rows GROUP BY ALL HAVING count(*) > 1;
      CREATE OR REPLACE TEMP TABLE replay_agreed AS ${agreed};
      CREATE OR REPLACE TEMP TABLE ${FIRSTS} AS ${firstsSql(role)};
      ${DONE.map((table) => `DROP TABLE ${table}`).join('; ')}`);
    const laid = { ...role, isAvailableOther, kinds: await ServedKinds.read(duck) };
    // The places alone are what rows are joined with: values pass no table of a join.
    await duck.run(`CREATE OR REPLACE TEMP TABLE ${GIVEN} AS SELECT f.place, ${servedColumns(laid)}
      FROM (SELECT place, vid::BIGINT AS vid FROM ${FIRSTS}) f JOIN ${OPEN_ROWS} v ON v.vid = f.vid ORDER BY f.place`);
    for (const mode of modesOf(laid))
      await duck.run(`CREATE OR REPLACE TEMP TABLE ${REPLAYED[mode]} AS SELECT f.place, ${replayedValues(view)}
        FROM (SELECT place, ${mode}_row AS n FROM ${FIRSTS}) f JOIN replay_history h ON h.rowid = f.n ORDER BY f.place`);
    return new GroupPages(duck, laid);
  }

  /** The names of the pods, by the numbers that vectors have. */
  get pods(): readonly string[] {
    return this.#role.pods;
  }

  /**
   * Yields the groups, those of one replayed row one after the other. It reads pages: a single stream would end when
   * another statement runs on the connection.
   */
  async *read(): AsyncGenerator<GroupPage> {
    const { groups: all, groupsAtOnce } = this.#role;
    for (let from = 0; from < all; from += groupsAtOnce)
      yield await this.#page([from, Math.min(all, from + groupsAtOnce)]);
  }

  async #page(places: GroupPage['places']): Promise<GroupPage> {
    const { clocks, pods } = this.#role;
    const firsts = await this.#ofPage(FIRSTS, places);
    const given = await this.#ofPage(GIVEN, places);
    const trained = valuesByPlace(await this.#ofPage(REPLAYED.trained, places), places);
    const available = this.#role.isAvailableOther
      ? valuesByPlace(await this.#ofPage(REPLAYED.available, places), places)
      : trained;
    const readings = await clocks.of(firsts['vid'] as number[]);
    const vectors = { ...(await membersOf(this.#duck, ...places)), pods };
    const tables = { firsts, given, trained, available };
    return { places, vectors, batches: () => this.#batches(tables, readings) };
  }

  async #ofPage(table: string, [from, until]: GroupPage['places']): Promise<SqlColumns> {
    return await this.#duck.columns(
      `SELECT * FROM ${table} WHERE place >= ${from} AND place < ${until} ORDER BY place`,
    );
  }

  *#batches(
    tables: VectorTables,
    readings: ReadonlyMap<number, readonly ClockReading[]>,
  ): Generator<readonly ReplayedGroup[]> {
    const { firsts } = tables;
    const numbers = (name: string): number[] => firsts[name] as number[];
    const [vectors, entities, rows, agreed] = ['vectors', 'entity_n', 'row_n', 'agreed'].map(numbers);
    const isAsked = firsts['is_asked']!;
    const vectorAt = vectorReader(tables, this.#role);
    const isAsking = this.#role.hashed.size > 0 || isAsked.includes(true);
    const size = isAsking ? ASKED_BATCH_GROUPS : BATCH_GROUPS;
    let to = 0;
    for (let first = 0; first < vectors!.length; first += size) {
      const batch: ReplayedGroup[] = [];
      for (let i = first; i < Math.min(vectors!.length, first + size); i++) {
        const from = to;
        to += vectors![i]!;
        const vector = vectorAt(i);
        const clock = readings.get(vector.vid);
        batch.push({
          vector: clock === undefined ? vector : { ...vector, clocks: clock },
          isAsked: isAsked[i] === true,
          entity: entities![i]!,
          row: rows![i]!,
          agreed: agreed![i]!,
          from,
          to,
        });
      }
      yield batch;
    }
  }

  /** Drops what the judge alone reads: the rows that are written need its memory. */
  async end(): Promise<void> {
    const tables = [FIRSTS, GIVEN, MEMBERS, ...modesOf(this.#role).map((mode) => REPLAYED[mode])];
    await this.#duck.run(
      [...tables, 'replay_base', 'replay_rows'].map((table) => `DROP TABLE ${table}`).join('; '),
    );
  }

  /** @returns by vid the vectors as reports name them */
  async names(vids: readonly number[]): Promise<Map<number, VectorName>> {
    return await vectorNames(this.#duck, OPEN_ROWS, this.#role.service.requestKeys, vids);
  }
}

/** Whether an honest store had another row than training sees, of any of the vectors. */
async function someAreOther(duck: DuckDb): Promise<boolean> {
  const others = await duck.rows(`SELECT 1 FROM replay_trained t JOIN replay_available a ON a.rid = t.rid
    WHERE a.available_row IS DISTINCT FROM t.trained_row LIMIT 1`);
  return others.length > 0;
}

function namesOf({ keys }: Pick<GroupedRole, 'keys'>): string[] {
  return Array.from({ length: keys }, (_, i) => `k${i}`);
}

/** By which as-of rules the groups have rows of their own. */
function modesOf({ isAvailableOther }: LaidRole): readonly Mode[] {
  return isAvailableOther ? ['trained', 'available'] : ['trained'];
}

/** Without values: narrow tables are joined once, for all groups. */
function firstsSql({ asked, keys, isAllInTime }: GroupedRole): string {
  const sameKeys = (table: string): string =>
    namesOf({ keys })
      .map((key) => `${table}.${key} = b.${key}`)
      .join(' AND ');
  const ofGroup = ['place', 'vectors', 'entity_n', 'row_n', 'vid'].map(
    (name) => `g.${name}::DOUBLE AS ${name}`,
  );
  const joined: readonly Mode[] = isAllInTime ? ['trained'] : ['trained', 'available'];
  return `SELECT ${ofGroup.join(', ')}, coalesce(agreed.vectors, 0)::DOUBLE AS agreed, asked.vid IS NOT NULL AS is_asked,
      ${joined.map((mode) => `${mode}.${mode}_row`).join(', ')}, ${replayedColumns(joined)} FROM ${GROUPS} g
    JOIN (SELECT vid, origin FROM ${OPEN_ROWS}) v ON v.vid = g.vid
    JOIN replay_base b ON b.vid = g.vid
    ${joined.map((mode) => `JOIN replay_${mode} ${mode} ON ${mode}.rid = g.vid`).join(' ')}
    LEFT JOIN replay_own own ON own.rid = g.vid
    LEFT JOIN replay_missed m ON m.vid = g.vid
    LEFT JOIN replay_known known ON ${sameKeys('known')}
    LEFT JOIN replay_crowded crowded ON ${sameKeys('crowded')} AND crowded.event_us = b.event_us
    LEFT JOIN replay_agreed agreed ON agreed.place = g.place
    LEFT JOIN (SELECT DISTINCT vid FROM ${asked}) asked ON asked.vid = v.origin
    ORDER BY g.place`;
}
