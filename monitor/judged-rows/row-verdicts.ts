/**
 * What the judge decided of each open row of a role, as a table for the SQL that writes them down (judged-rows.ts):
 *
 *   vid | outcome, fidelity | mismatches, beyond | decision: of the row | d0 ... of each feature, 0 where equal
 *
 * Decisions are few, so a row holds their numbers, and no text. A row's own decision has the first cause of its values
 * with the run behind it, all causes that hold, and whether all of its mismatches are within the promise.
 */
import { quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { ColumnPage, DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { CHUNK_ROWS, Column } from '../../project/engine/duckdb/column.ts';
import { CAUSES } from '../causes/cause.ts';
import { FIDELITY_ANSWERS } from '../causes/fidelity.ts';
import type { FidelityAnswer } from '../causes/fidelity.ts';
import type { Decided } from '../tally/decided.ts';

/** What came of a row. `differs`: a value that counts in the rates differs. */
export const ROW_OUTCOMES = [
  'agrees',
  'differs',
  'unjudged',
  'unavailable',
  'undecoded',
  'withheld',
] as const;
export type RowOutcome = (typeof ROW_OUTCOMES)[number];

export const VERDICTS = 'judged_verdicts';
/** SQL macros of a number, one a field of its decision: a list of structs takes a third more time. */
export const DECISION = {
  cause: 'judged_cause',
  causes: 'judged_causes',
  run: 'judged_run',
  within_promise: 'judged_kept',
} as const;

const PAGES = 10;
type DecisionField = keyof typeof DECISION;
export const DECISION_FIELDS = Object.keys(DECISION) as DecisionField[];
const DECISION_TYPES = {
  cause: 'VARCHAR',
  causes: 'VARCHAR[]',
  run: 'VARCHAR',
  within_promise: 'BOOLEAN',
} as const;

export class RowVerdicts {
  readonly #duck: DuckDb;
  /** As SQL calls it. */
  #function = '';
  #features: Column[] = [];
  #own = ownColumns();
  /** Of the next row. */
  #mismatches: { readonly feature: number; readonly decided: Decided }[] = [];
  #next = 0;
  #pages: ColumnPage[] = [];
  readonly #numbers = new Map<Decided, number>();
  /** Decisions of rows whose values were not all decided alike, by what they say. */
  readonly #mixed = new Map<string, Decided>();

  constructor(duck: DuckDb) {
    this.#duck = duck;
  }

  /** @param name  that no other role has which is judged with this engine */
  async begin(name: string, features: number): Promise<void> {
    this.#function = quoteName(`verdicts of ${name}`);
    this.#features = Array.from({ length: features }, () => new Column('bits32'));
    this.#own = ownColumns();
    this.#numbers.clear();
    const types = ['BIGINT', 'UTINYINT', 'UTINYINT', 'UINTEGER', 'UINTEGER', 'UINTEGER'];
    const names = Object.keys(this.#own);
    for (let i = 0; i < features; i++) {
      types.push('UINTEGER');
      names.push(`d${i}`);
    }
    const columns = names.map((column, i) => `${column} ${types[i]}`).join(', ');
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${VERDICTS} (${columns})`);
    await this.#duck.tableOf(`verdicts of ${name}`, types, () => this.#pages);
  }

  /** A value of the next row differs. */
  addMismatch(feature: number, decided: Decided): void {
    this.#mismatches.push({ feature, decided });
  }

  /** The next row is told. @param fidelity  null: it was not asked */
  endRow(vid: number, outcome: RowOutcome, fidelity: FidelityAnswer | null): void {
    const at = this.#next;
    const own = this.#own;
    const mismatches = this.#mismatches;
    const differs = mismatches.length > 0;
    own.vid.setWhole(at, vid);
    own.outcome.bytes[at] = ROW_OUTCOMES.indexOf(differs ? 'differs' : outcome);
    if (fidelity === null) own.fidelity.setNull(at);
    else own.fidelity.bytes[at] = FIDELITY_ANSWERS.indexOf(fidelity);
    for (let i = 0; i < this.#features.length; i++) this.#features[i]!.words[at] = 0;
    let beyond = 0;
    for (const { feature, decided } of mismatches) {
      this.#features[feature]!.words[at] = this.#numberOf(decided);
      if (!decided.withinPromise) beyond += 1;
    }
    own.mismatches.words[at] = mismatches.length;
    own.beyond.words[at] = beyond;
    own.decision.words[at] = differs ? this.#numberOf(this.#ofRow(beyond === 0)) : 0;
    this.#mismatches = [];
    this.#next += 1;
    if (this.#next === CHUNK_ROWS) this.#turn();
  }

  /** @returns the decision of the first cause, with all causes of the row */
  #ofRow(withinPromise: boolean): Decided {
    const [first, ...others] = new Set(this.#mismatches.map(({ decided }) => decided));
    if (others.length === 0) return first!;
    const all = [first!, ...others].toSorted((a, b) => CAUSES.indexOf(a.cause) - CAUSES.indexOf(b.cause));
    const { cause, origin } = all[0]!;
    const held = new Set(all.flatMap((one) => [one.cause, ...one.also]));
    const also = CAUSES.filter((other) => other !== cause && held.has(other));
    const name = JSON.stringify([cause, origin.run, also, withinPromise]);
    const known = this.#mixed.get(name) ?? { cause, also, withinPromise, origin };
    this.#mixed.set(name, known);
    return known;
  }

  get isFull(): boolean {
    return this.#pages.length >= PAGES;
  }

  /** Puts what was told into the table. */
  async flush(): Promise<void> {
    if (this.#pages.length === 0) return;
    await this.#duck.run(`INSERT INTO ${VERDICTS} SELECT * FROM ${this.#function}()`);
    this.#pages = [];
  }

  /** The table is whole, and the macros are there. */
  async end(): Promise<void> {
    this.#turn();
    await this.flush();
    const decisions = [...this.#numbers.keys()].map(sqlOf);
    const macros = DECISION_FIELDS.map((field) => {
      const values = decisions.map((decision) => decision[field]).join(', ');
      return `CREATE OR REPLACE TEMP MACRO ${DECISION[field]}(n) AS ([${values}]::${DECISION_TYPES[field]}[])[n]`;
    });
    await this.#duck.run(macros.join('; '));
  }

  #turn(): void {
    if (this.#next === 0) return;
    const columns = [...Object.values(this.#own), ...this.#features].map((column) => column.detach());
    this.#pages.push({ columns, rows: this.#next });
    this.#next = 0;
  }

  /** From 1 on; 0 is none. */
  #numberOf(decided: Decided): number {
    const known = this.#numbers.get(decided);
    if (known !== undefined) return known;
    this.#numbers.set(decided, this.#numbers.size + 1);
    return this.#numbers.size;
  }
}

/** In the order of the table. */
function ownColumns() {
  return {
    vid: new Column('bits64'),
    outcome: new Column('bits8'),
    fidelity: new Column('bits8'),
    mismatches: new Column('bits32'),
    beyond: new Column('bits32'),
    decision: new Column('bits32'),
  };
}

function sqlOf({ cause, also, origin, withinPromise }: Decided): Record<DecisionField, string> {
  return {
    cause: quoteText(cause),
    causes: `[${[cause, ...also].map(quoteText).join(', ')}]`,
    run: origin.run === null ? 'NULL' : quoteText(origin.run),
    within_promise: String(withinPromise),
  };
}
