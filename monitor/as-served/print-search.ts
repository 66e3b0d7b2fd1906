/**
 * Looks for the values of rows that are not those of their own event: among the entity's rows of any event, and among
 * other entities' rows of the served one. Prints of the values are joined (row-print.ts), of all groups at once; of
 * values that the log holds as HMACs when they are found (masked-rows.ts).
 *
 *   stamped              place | vid, k0 ... | event_us, created_us | print: groups whose row is none of its times
 *   suspects             the same of groups whose row is none of its event
 *   own_prints_0 ...     k0 ... | event_us, created_us | print: rows of the day's entities
 *   other_prints         k0 ... | event_us, created_us | print | entity, as reports name it: rows with suspects' prints
 *   found_stamped        place, vid | event_us, created_us: the entity's nearest row with the values of the group's,
 *                        where none of its times has them; found_own: the same, where none of its event has
 *   found_others         place, vid | entity, created_us | is_of_times: up to two others that have such a row of the
 *                        served times, and up to two that have one of the served event under other created times
 *   found_suspects       place, vid: all groups that are none of their event, and those that SQL does not tell of
 */
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlColumns, SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { FidelityFacts, HeldRow, OthersRow } from '../causes/fidelity.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import { PRESENT } from '../../contract/status.ts';
import type { ReplayedVector } from '../judge/replayed-vector.ts';
import { GROUPS } from '../groups/vector-groups.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import type { ServedFeature } from '../replay/served-files.ts';
import { sameFeature } from './given-row.ts';
import { MASKED_ROWS } from './masked-rows.ts';
import type { ComparedRow, GivenRow } from './given-row.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { printSql } from './row-print.ts';

export const STAMPED = 'found_stamped';
export const OTHERS = 'found_others';
export const SUSPECTS = 'found_suspects';
const OTHER_PRINTS = 'other_prints';

/** The first vector of each group. */
const FIRSTS = `(SELECT g.place, v.* FROM ${GROUPS} g JOIN ${OPEN_ROWS} v ON v.vid = g.vid)`;

/** Rows of which the same features can be compared. */
interface ComparedKind {
  readonly compared: readonly number[];
  /** SQL of a condition on a vector `p`. */
  readonly condition: string;
}

/** An entity that has the values of a suspect; `createdUs`: of its row, where that is not of the served times. */
interface FoundOther {
  readonly entity: string;
  readonly createdUs?: number;
}

export class PrintSearch {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #entity: Entity;
  readonly #replay: ViewReplay;
  #keptFromUs: number | null | undefined = undefined;
  /** Which features the prints of each pair of tables cover. */
  readonly #laid: string[] = [];
  /** Of the groups of a page, by vid. */
  #own = new Map<number, Omit<HeldRow, 'values'>>();
  #others = new Map<number, FoundOther[]>();

  constructor(duck: DuckDb, view: FeatureView, entity: Entity, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#entity = entity;
    this.#replay = replay;
  }

  /**
   * Searches for all groups whose values are in the log as they were served.
   *
   * @param archived  what the archive has of the rows' features, in the order of s0 ...
   * @param read      reads a vector's row as it was given out
   * @returns         whether SQL tells of all rows: of no others some value is an HMAC, or is kept out of the log
   */
  async prepare(
    archived: readonly ServedFeature[],
    read: (vector: ReplayedVector) => GivenRow,
  ): Promise<{ readonly areAllTold: boolean }> {
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${STAMPED}
        (place DOUBLE, vid DOUBLE, event_us DOUBLE, created_us DOUBLE);
      CREATE OR REPLACE TEMP TABLE found_own AS SELECT * FROM ${STAMPED};
      CREATE OR REPLACE TEMP TABLE ${OTHERS}
        (place DOUBLE, vid DOUBLE, entity VARCHAR, created_us DOUBLE, is_of_times BOOLEAN);
      CREATE OR REPLACE TEMP TABLE ${SUSPECTS} (place DOUBLE, vid DOUBLE)`);
    const kinds = await this.#kinds(archived, read);
    for (const { compared, condition } of kinds) {
      const print = this.#print(
        compared,
        (i) => `p.s${archived.findIndex(({ name }) => name === this.#view.features[i]!.name)}`,
      );
      await this.#search(
        compared,
        `SELECT p.place, b.*, ${print} AS print FROM ${FIRSTS} p JOIN replay_base b ON b.vid = p.vid
          WHERE p.status = ${PRESENT} AND p.is_decoded AND (${condition})`,
      );
    }
    return { areAllTold: (await this.#addUntold(kinds)) === 0 };
  }

  /** Searches for the masked rows that are laid, by the features that can be compared. */
  async prepareMasked(kinds: readonly (readonly number[])[]): Promise<void> {
    for (const compared of kinds) {
      const print = this.#print(compared, (i) => `m.f${i}`);
      await this.#search(
        compared,
        `SELECT m.place, b.*, ${print} AS print FROM ${MASKED_ROWS} m JOIN replay_base b ON b.vid = m.vid
          WHERE m.is_known AND m.compared = ${quoteText(compared.join(' '))}`,
      );
    }
  }

  /** Drops what is searched in: what was found stays. */
  async endSearch(): Promise<void> {
    const tables = [...this.#laid.map((_, i) => `own_prints_${i}`), GROUPS];
    await this.#duck.run(tables.map((table) => `DROP TABLE ${table}`).join('; '));
  }

  /** Drops what was found. */
  async end(): Promise<void> {
    await this.#duck.run(
      [STAMPED, 'found_own', OTHERS, SUSPECTS].map((table) => `DROP TABLE ${table}`).join('; '),
    );
  }

  /** @param printed  a SELECT of place, what replay_base has, and the print of groups */
  async #search(compared: readonly number[], printed: string): Promise<void> {
    const prints = await this.#layOwnPrints(compared);
    const sameKeys = this.#replay.keys.map((_, i) => `o.k${i} = b.k${i}`).join(' AND ');
    const ofEvent = `FROM own_prints_${prints} o WHERE ${sameKeys} AND o.event_us = b.event_us AND o.print = b.print`;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE stamped AS SELECT * FROM (${printed}) b
      WHERE NOT EXISTS (SELECT 1 ${ofEvent} AND o.created_us IS NOT DISTINCT FROM b.created_us)`);
    const some = await this.#duck.rows('SELECT 1 FROM stamped LIMIT 1');
    if (some.length === 0) return;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE suspects AS SELECT * FROM stamped b
      WHERE NOT EXISTS (SELECT 1 ${ofEvent})`);
    await this.#layOtherPrints(compared);
    await this.#duck.run(`INSERT INTO ${STAMPED} ${this.#ownRowsSql(prints)};
      INSERT INTO found_own SELECT t.* FROM ${STAMPED} t SEMI JOIN suspects s ON s.place = t.place;
      INSERT INTO ${SUSPECTS} SELECT place, vid FROM suspects;
      INSERT INTO ${OTHERS} ${this.#otherEntitiesSql()};
      DROP TABLE ${OTHER_PRINTS}; DROP TABLE stamped; DROP TABLE suspects`);
  }

  /** @returns how many groups may be anything as far as SQL can tell: some of their values are HMACs */
  async #addUntold(kinds: readonly ComparedKind[]): Promise<number> {
    const told = ['false', ...kinds.map(({ condition }) => condition)].join(' OR ');
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE untold AS SELECT p.place, p.vid FROM ${FIRSTS} p
      WHERE p.status = ${PRESENT} AND p.is_decoded AND NOT coalesce(${told}, false);
      INSERT INTO ${SUSPECTS} SELECT * FROM untold`);
    const [count] = await this.#duck.rows('SELECT count(*)::DOUBLE AS n FROM untold');
    await this.#duck.run('DROP TABLE untold');
    return count!['n'] as number;
  }

  /** Takes what was found for the groups from a place to before another. */
  async open(from: number, until: number): Promise<void> {
    const ofPage = `WHERE place >= ${from} AND place < ${until}`;
    this.#own = ownBy(await this.#duck.rows(`SELECT * FROM found_own ${ofPage}`));
    this.#others = othersBy(
      await this.#duck.columns(`SELECT * FROM ${OTHERS} ${ofPage} ORDER BY vid, entity`),
    );
  }

  /** A row can be printed in SQL where none of its values is an HMAC, or kept out of the log. */
  async #kinds(
    archived: readonly ServedFeature[],
    read: (vector: ReplayedVector) => GivenRow,
  ): Promise<ComparedKind[]> {
    const { features } = this.#view;
    const names = new Set(archived.map(({ name }) => name));
    const rows = await this.#duck
      .rows(`SELECT DISTINCT bundle, definition_id::DOUBLE AS definition_id FROM ${OPEN_ROWS}
      WHERE status = ${PRESENT} AND is_decoded AND definition_id IS NOT NULL`);
    const kinds = rows.flatMap((row) => {
      const [bundle, definitionId] = [row['bundle'] as string, row['definition_id'] as number];
      const servedValues = features.map(({ name }) => (names.has(name) ? null : undefined));
      const served = { eventUs: 0, createdUs: 0, definitionId, writtenUs: 0 };
      const probe = { bundle, served, status: PRESENT, isDecoded: true, servedValues, servedHmacs: [] };
      const given = read(probe as unknown as ReplayedVector);
      if (given.masked || given.values === null) return [];
      const compared = features.flatMap((feature, i) => {
        const at = sameFeature(given.view, feature);
        return at === -1 || given.values![at] === undefined ? [] : [i];
      });
      const condition = `p.bundle = ${quoteText(bundle)} AND p.definition_id = ${definitionId}`;
      return compared.length === 0 ? [] : [{ compared, condition }];
    });
    return [...Map.groupBy(kinds, ({ compared }) => compared.join(' ')).values()].map((own) => ({
      compared: own[0]!.compared,
      condition: own.map(({ condition }) => `(${condition})`).join(' OR '),
    }));
  }

  /** @returns by vid the facts of each row with what was found for it */
  async find(rows: readonly ComparedRow[]): Promise<Map<number, FidelityFacts>> {
    const found = new Map<number, FidelityFacts>();
    if (rows.length === 0) return found;
    const keptFromUs = await this.#keptFrom();
    for (const { given, facts } of rows) {
      const { vid } = given.vector;
      const isSearched = isSearchable(facts);
      const own = isSearched ? this.#own.get(vid) : undefined;
      const others = isSearched ? this.#othersRows(this.#others.get(vid) ?? [], facts) : [];
      found.set(vid, {
        ...facts,
        keptFromUs,
        own: own === undefined ? facts.own : [...facts.own, { ...own, values: heldAs(facts) }],
        others,
      });
    }
    return found;
  }

  #othersRows(found: readonly FoundOther[], facts: FidelityFacts): OthersRow[] {
    const names = [...new Set(found.map(({ entity }) => entity))];
    return found.map(({ entity, createdUs }) => ({
      eventUs: facts.served.eventUs,
      createdUs: createdUs === undefined ? facts.served.createdUs : createdUs,
      entity: this.#entityText(entity, names.indexOf(entity)),
      values: heldAs(facts),
    }));
  }

  async #keptFrom(): Promise<number | null> {
    if (this.#keptFromUs === undefined) {
      const all = this.#replay.histories.map((sql) => `SELECT min(event_time) AS t FROM (${sql})`);
      const [row] =
        all.length === 0
          ? []
          : await this.#duck.rows(
              `SELECT CAST(epoch_us(min(t)) AS DOUBLE) AS t FROM (${all.join(' UNION ALL ')})`,
            );
      this.#keptFromUs = (row?.['t'] as number | null | undefined) ?? null;
    }
    return this.#keptFromUs;
  }

  /** @returns the number of the table that has the prints of these features */
  async #layOwnPrints(compared: readonly number[]): Promise<number> {
    const name = compared.join(' ');
    const known = this.#laid.indexOf(name);
    if (known !== -1) return known;
    const prints = this.#laid.push(name) - 1;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE own_prints_${prints} AS
        SELECT ${this.#printedColumns(compared)} FROM replay_history h WHERE ${this.#live}`);
    return prints;
  }

  async #layOtherPrints(compared: readonly number[]): Promise<void> {
    const keys = this.#replay.keys.map((key) => `h.${quoteName(key.row)}`);
    const entity = this.#entity.joinKeys
      .map((key, i) => `${quoteText(`${key.name}=`)} || ${keys[i]}::VARCHAR`)
      .join(` || ', ' || `);
    const columns = this.#printedColumns(compared);
    const all = this.#replay.histories.map(
      (sql) => `SELECT ${columns}, ${entity} AS entity FROM (${sql}) h WHERE ${this.#live}`,
    );
    const none = `SELECT ${columns}, '' AS entity FROM replay_history h WHERE false`;
    await this.#duck
      .run(`CREATE OR REPLACE TEMP TABLE ${OTHER_PRINTS} AS SELECT * FROM (${all.join(' UNION ALL ') || none})
      WHERE print IN (SELECT print FROM suspects)`);
  }

  #printedColumns(compared: readonly number[]): string {
    const print = this.#print(compared, (i) => `h.${quoteName(this.#view.features[i]!.name)}`);
    return [
      ...this.#replay.keys.map((key, i) => `h.${quoteName(key.row)} AS k${i}`),
      'epoch_us(h.event_time) AS event_us, epoch_us(h.created_time) AS created_us',
      `${print} AS print`,
    ].join(', ');
  }

  /** @returns a SELECT of the nearest row of each group's entity with the served values, as `fidelity` chooses it */
  #ownRowsSql(prints: number): string {
    const same = this.#replay.keys.map((_, i) => `s.k${i} = h.k${i}`);
    return `SELECT CAST(s.place AS DOUBLE) AS place, CAST(s.vid AS DOUBLE) AS vid,
        CAST(h.event_us AS DOUBLE) AS event_us, CAST(h.created_us AS DOUBLE) AS created_us
      FROM stamped s JOIN own_prints_${prints} h ON ${same.join(' AND ')} AND s.print = h.print
      QUALIFY row_number() OVER (PARTITION BY s.vid ORDER BY abs(h.event_us - s.event_us), h.event_us,
        abs(coalesce(h.created_us, 0) - coalesce(s.created_us, 0)), h.created_us) = 1`;
  }

  /**
   * @returns a SELECT of up to two other entities that have a suspect's values at the served times, and of up to two
   *          that have them at the served event under other created times
   */
  #otherEntitiesSql(): string {
    const isOther = this.#replay.keys.map((_, i) => `s.k${i} IS DISTINCT FROM h.k${i}`).join(' OR ');
    return `SELECT CAST(place AS DOUBLE) AS place, CAST(vid AS DOUBLE) AS vid, entity,
        CAST(created_us AS DOUBLE) AS created_us, is_of_times
      FROM (SELECT s.place, s.vid, h.entity, min(h.created_us) AS created_us,
          (s.created_us IS NULL OR h.created_us IS NULL OR s.created_us = h.created_us) AS is_of_times
        FROM ${OTHER_PRINTS} h JOIN suspects s ON s.event_us = h.event_us AND s.print = h.print
        WHERE ${isOther} GROUP BY s.place, s.vid, h.entity, is_of_times)
      QUALIFY row_number() OVER (PARTITION BY vid, is_of_times ORDER BY entity) <= 2`;
  }

  /** Ids that their entity keeps out of the log are told by nothing else either. */
  #entityText(entity: string, nth: number): string {
    return this.#entity.log === 'raw' ? entity : `an entity whose id is not shown (${nth + 1})`;
  }

  get #live(): string {
    return this.#view.kind === 'stored' ? 'true' : 'NOT coalesce(h.deleted, false)';
  }

  #print(compared: readonly number[], column: (feature: number) => string): string {
    return printSql(compared.map((i) => ({ type: this.#view.features[i]!.type, sql: column(i) })));
  }
}

function ownBy(rows: readonly SqlRow[]): Map<number, Omit<HeldRow, 'values'>> {
  return new Map(
    rows.map((row) => {
      const times = { eventUs: row['event_us'] as number, createdUs: row['created_us'] as number | null };
      return [row['vid'] as number, times];
    }),
  );
}

/** @param columns  in the order of vid and entity */
function othersBy(columns: SqlColumns): Map<number, FoundOther[]> {
  const by = new Map<number, FoundOther[]>();
  const [entities, created] = [columns['entity'] as string[], columns['created_us'] as number[]];
  for (const [at, vid] of (columns['vid'] as number[]).entries()) {
    const entity = entities[at]!;
    const other = columns['is_of_times']![at] === true ? { entity } : { entity, createdUs: created[at]! };
    const known = by.get(vid);
    if (known === undefined) by.set(vid, [other]);
    else known.push(other);
  }
  return by;
}

/** A value that is none of the history's cannot be found there, nor a row of which no value is known. */
function isSearchable({ served: { values } }: FidelityFacts): boolean {
  return values.some((value) => value !== undefined) && !values.includes(UNKNOWN_VALUE);
}

/** The values of a row of the history whose print is that of the served ones. */
function heldAs({ served }: FidelityFacts): HeldRow['values'] {
  return served.values.map((value) => value ?? null);
}
