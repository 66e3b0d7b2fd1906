/**
 * Rows of which the log has values as HMACs, or lacks some, and that are none of their own times by what can be known
 * beside them: which value of the history each HMAC is, found for all of them at once.
 *
 *   masked_values   place, vid | compared: the places of the features that can be compared | f0 ... the values that are
 *                   known | d0 ... the HMACs of those that are not
 *   masked_rows     place, vid | compared | f0 ... the values | is_known: whether all are values of the history
 *
 * They are collected while all groups are read once before they are judged. Called by as-served.ts.
 */
import { duckTypeOf, valueFromDuck, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { DuckDb, SqlColumns } from '../../project/engine/duckdb/duckdb.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import { UNKNOWN_VALUE } from '../causes/value-equality.ts';
import { Sealed } from './revealed-values.ts';
import type { RevealedValues } from './revealed-values.ts';

const VALUES = 'masked_values';
export const MASKED_ROWS = 'masked_rows';

interface MaskedRow {
  readonly place: number;
  readonly vid: number;
  /** By the features of today's view. */
  readonly values: readonly (Value | Sealed | undefined)[];
}

export class MaskedRows {
  readonly #duck: DuckDb;
  readonly #view: FeatureView;
  readonly #revealed: RevealedValues;
  /** The places of features of which some row has an HMAC. */
  readonly #sealed = new Set<number>();
  #isLaid = false;
  #columns: SqlColumns = {};
  /** By vid its place in the columns. */
  #places = new Map<number, number>();

  /** @param view  in the bundle in force */
  constructor(duck: DuckDb, view: FeatureView, revealed: RevealedValues) {
    this.#duck = duck;
    this.#view = view;
    this.#revealed = revealed;
  }

  async begin(): Promise<void> {
    const { features } = this.#view;
    const columns = features.flatMap(({ type }, i) => [`f${i} ${duckTypeOf(type)}`, `d${i} VARCHAR`]);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${VALUES}
      (${['place BIGINT, vid BIGINT, compared VARCHAR', ...columns].join(', ')})`);
  }

  async add(rows: readonly MaskedRow[]): Promise<void> {
    const { features } = this.#view;
    await this.#duck.append(
      VALUES,
      rows.map(({ place, vid, values }) => [
        BigInt(place),
        BigInt(vid),
        values.flatMap((value, i) => (value === undefined ? [] : i)).join(' '),
        ...features.flatMap(({ type }, i) => {
          const value = values[i];
          if (!(value instanceof Sealed)) return [valueToDuck(type, value ?? null), null];
          this.#sealed.add(i);
          return [null, value.digest.toString('hex')];
        }),
      ]),
    );
  }

  /** @returns of which features rows can be compared, each once */
  async end(): Promise<readonly (readonly number[])[]> {
    const joins: string[] = [];
    for (const i of this.#sealed)
      joins.push(`LEFT JOIN ${await this.#revealed.layColumn(i)} x${i} ON x${i}.digest = m.d${i}`);
    const values = this.#view.features.map((_, i) =>
      this.#sealed.has(i) ? `CASE WHEN m.d${i} IS NULL THEN m.f${i} ELSE x${i}.v END AS f${i}` : `m.f${i}`,
    );
    const known = [...this.#sealed].map((i) => `(m.d${i} IS NULL OR x${i}.digest IS NOT NULL)`);
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${MASKED_ROWS} AS
        SELECT m.place, m.vid, m.compared, ${values.join(', ')}, ${['true', ...known].join(' AND ')} AS is_known
        FROM ${VALUES} m ${joins.join(' ')} ORDER BY m.place;
      DROP TABLE ${VALUES}`);
    this.#isLaid = true;
    const kinds = await this.#duck.rows(`SELECT DISTINCT compared FROM ${MASKED_ROWS}
      WHERE is_known AND compared <> '' ORDER BY compared`);
    return kinds.map(({ compared }) => (compared as string).split(' ').map(Number));
  }

  /** Takes the rows of the groups from a place to before another. */
  async open(from: number, until: number): Promise<void> {
    if (!this.#isLaid || this.#sealed.size === 0) return;
    const sealed = [...this.#sealed].map((i) => `f${i}`).join(', ');
    this.#columns = await this.#duck.columns(`SELECT vid::DOUBLE AS vid, ${sealed} FROM ${MASKED_ROWS}
      WHERE place >= ${from} AND place < ${until}`);
    this.#places = new Map((this.#columns['vid'] as number[]).map((vid, at) => [vid, at]));
  }

  /** @returns UNKNOWN_VALUE in place of an HMAC that is of no value of the history */
  unsealed(vid: number, values: readonly (Value | Sealed | undefined)[]): readonly (Value | undefined)[] {
    if (!values.some((value) => value instanceof Sealed)) return values as readonly (Value | undefined)[];
    const at = this.#places.get(vid);
    return values.map((value, i) => {
      if (!(value instanceof Sealed)) return value;
      const found = at === undefined ? null : this.#columns[`f${i}`]![at]!;
      return found === null ? UNKNOWN_VALUE : valueFromDuck(this.#view.features[i]!.type, found);
    });
  }
}
