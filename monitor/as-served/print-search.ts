/**
 * Looks for the values of rows that are not those of their own event: among the entity's rows of any event, and among
 * other entities' rows of the served times. Prints of the values are joined (row-print.ts); those of the history are
 * made once, for all pages.
 *
 *   own_prints_0 ...     k0 ... | event_us, created_us | print: rows of the day's entities
 *   other_prints_0 ...   k0 ... | event_us, created_us | print | entity, as reports name it: rows of all
 */
import { duckTypeOf, quoteName, quoteText, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { FidelityFacts, HeldRow, OthersRow } from '../causes/fidelity.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import type { ComparedRow } from './given-row.ts';
import type { ViewReplay } from '../judge/replay.ts';
import { printSql } from './row-print.ts';

export class PrintSearch {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #entity: Entity;
  readonly #replay: ViewReplay;
  #keptFromUs: number | null | undefined = undefined;
  /** Which features a print covers, in the order in which their tables were laid. */
  readonly #laid: string[] = [];

  constructor(duck: DuckDb, view: FeatureView, entity: Entity, replay: ViewReplay) {
    this.#duck = duck;
    this.#view = view;
    this.#entity = entity;
    this.#replay = replay;
  }

  /** @returns by vid the facts of each row with what was found for it */
  async find(rows: readonly ComparedRow[]): Promise<Map<number, FidelityFacts>> {
    const found = new Map<number, FidelityFacts>();
    if (rows.length === 0) return found;
    const keptFromUs = await this.#keptFrom();
    for (const { given, facts } of rows) found.set(given.vector.vid, { ...facts, keptFromUs });
    // A print covers the values that can be compared: rows that lack others have another kind of print.
    const kinds = Map.groupBy(rows.filter(isSearchable), ({ facts }) => comparedOf(facts).join(' '));
    for (const own of kinds.values()) {
      const compared = comparedOf(own[0]!.facts);
      await this.#lay(own, compared);
      const prints = await this.#layPrints(compared);
      for (const [vid, row] of await this.#ownRows(prints)) {
        const facts = found.get(vid)!;
        found.set(vid, { ...facts, own: [...facts.own, { ...row, values: heldAs(facts) }] });
      }
      for (const [vid, entity] of await this.#otherEntities(prints)) {
        const facts = found.get(vid)!;
        const row: OthersRow = { ...facts.served, entity, values: heldAs(facts) };
        found.set(vid, { ...facts, others: [...facts.others, row] });
      }
    }
    return found;
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

  /** Writes the rows' prints, keys and times into the table `suspects`. */
  async #lay(rows: readonly ComparedRow[], compared: readonly number[]): Promise<void> {
    const { features } = this.#view;
    const columns = compared.map((i) => `f${i} ${duckTypeOf(features[i]!.type)}`);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE suspect_values (vid BIGINT, ${columns.join(', ')})`);
    await this.#duck.append(
      'suspect_values',
      rows.map(({ given, facts }) => [
        BigInt(given.vector.vid),
        ...compared.map((i) => valueToDuck(features[i]!.type, facts.served.values[i]!)),
      ]),
    );
    const print = this.#print(compared, (i) => `s.f${i}`);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE suspects AS
      SELECT b.*, ${print} AS print FROM suspect_values s JOIN replay_base b USING (vid)`);
  }

  /** @returns the number of the tables that have the prints of these features */
  async #layPrints(compared: readonly number[]): Promise<number> {
    const name = compared.join(' ');
    const known = this.#laid.indexOf(name);
    if (known !== -1) return known;
    const prints = this.#laid.push(name) - 1;
    const keys = this.#replay.keys.map((key) => `h.${quoteName(key.row)}`);
    const print = this.#print(compared, (i) => `h.${quoteName(this.#view.features[i]!.name)}`);
    const columns = [
      ...keys.map((key, i) => `${key} AS k${i}`),
      'epoch_us(h.event_time) AS event_us, epoch_us(h.created_time) AS created_us',
      `${print} AS print`,
    ].join(', ');
    const entity = this.#entity.joinKeys
      .map((key, i) => `${quoteText(`${key.name}=`)} || ${keys[i]}::VARCHAR`)
      .join(` || ', ' || `);
    const all = this.#replay.histories.map(
      (sql) => `SELECT ${columns}, ${entity} AS entity FROM (${sql}) h WHERE ${this.#live}`,
    );
    const none = `SELECT *, '' AS entity FROM own_prints_${prints} WHERE false`;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE own_prints_${prints} AS
        SELECT ${columns} FROM replay_history h WHERE ${this.#live};
      CREATE OR REPLACE TEMP TABLE other_prints_${prints} AS ${all.join(' UNION ALL ') || none}`);
    return prints;
  }

  /** @returns by vid the nearest row of the entity with the served values, as `fidelity` chooses it */
  async #ownRows(prints: number): Promise<[number, Omit<HeldRow, 'values'>][]> {
    const same = this.#replay.keys.map((_, i) => `s.k${i} = h.k${i}`);
    const rows = await this.#duck.rows(
      `SELECT CAST(s.vid AS DOUBLE) AS vid, CAST(h.event_us AS DOUBLE) AS event_us,
        CAST(h.created_us AS DOUBLE) AS created_us
      FROM suspects s JOIN own_prints_${prints} h ON ${same.join(' AND ')} AND s.print = h.print
      QUALIFY row_number() OVER (PARTITION BY s.vid ORDER BY abs(h.event_us - s.event_us), h.event_us,
        abs(coalesce(h.created_us, 0) - coalesce(s.created_us, 0)), h.created_us) = 1`,
    );
    return rows.map((row) => [
      row['vid'] as number,
      { eventUs: row['event_us'] as number, createdUs: row['created_us'] as number | null },
    ]);
  }

  /** @returns by vid up to two other entities that have the served values at the served times */
  async #otherEntities(prints: number): Promise<[number, string][]> {
    const isOther = this.#replay.keys.map((_, i) => `s.k${i} IS DISTINCT FROM h.k${i}`).join(' OR ');
    const rows = await this.#duck.rows(
      `SELECT CAST(vid AS DOUBLE) AS vid, entity FROM (SELECT DISTINCT s.vid, h.entity
        FROM other_prints_${prints} h JOIN suspects s ON s.event_us = h.event_us AND s.print = h.print
        WHERE (${isOther}) AND (s.created_us IS NULL OR h.created_us IS NULL OR s.created_us = h.created_us))
      QUALIFY row_number() OVER (PARTITION BY vid ORDER BY entity) <= 2 ORDER BY vid, entity`,
    );
    return rows.map((row, i) => [row['vid'] as number, this.#entityText(row['entity'] as string, i)]);
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

function comparedOf({ served }: FidelityFacts): number[] {
  return served.values.flatMap((value, i) => (value === undefined ? [] : [i]));
}

/** A value that is none of the history's cannot be found there. */
function isSearchable({ facts }: ComparedRow): boolean {
  return !facts.served.values.includes(UNKNOWN_VALUE);
}

/** The values of a row of the history whose print is that of the served ones. */
function heldAs({ served }: FidelityFacts): HeldRow['values'] {
  return served.values.map((value) => value ?? null);
}
