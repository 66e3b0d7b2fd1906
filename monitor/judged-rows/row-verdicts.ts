/**
 * What the judge decided of each open row of a role, as tables for the SQL that writes them down (judged-rows.ts):
 *
 *   judged_vectors    vid | verdict
 *   judged_verdicts   verdict | outcome, fidelity | mismatches, beyond | decision: of the row | used: of what on-demand
 *                     views use of it | d0 ... of each feature, 0 where equal
 *   judged_decisions  decision | cause, causes, run, within_promise
 *
 * Decisions are few, and so are the verdicts that are made of them: a verdict holds the numbers of decisions, and no
 * text. Its own decision has the first cause of its values with the run behind it, all causes that hold, and whether
 * all of its mismatches are within the promise.
 */
import type { ValueType } from '../../contract/value-type.ts';
import { quoteName, valueToDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { ColumnPage, DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { CHUNK_ROWS, Column } from '../../project/engine/duckdb/column.ts';
import { CAUSES } from '../../contract/cause.ts';
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
export const JUDGED_VECTORS = 'judged_vectors';
export const DECISIONS = 'judged_decisions';
/** The verdicts of rows that agree in every way: with a row of the history, and with none that is visible. */
export const AGREES_TRUE = 0;
export const AGREES_ABSENT = 1;

const PAGES = 10;

interface Mismatch {
  /** Of the feature, among those of the role. */
  readonly place: number;
  readonly decided: Decided;
}

interface Verdict {
  readonly outcome: RowOutcome;
  /** null: it was not asked. */
  readonly fidelity: FidelityAnswer | null;
  /** By the places of their features. */
  readonly mismatches: readonly Mismatch[];
  /** What is wrong with a value that no rate counts; null: nothing. */
  readonly fault: Decided | null;
  /** The worst of what on-demand views use of the row; null: none of it differs. */
  readonly used: Decided | null;
}

export class RowVerdicts {
  readonly #duck: DuckDb;
  /** As SQL calls what is not in the table yet. */
  #function = '';
  #features = 0;
  /** Verdicts by their number, which each is found by what it says. */
  #verdicts: Verdict[] = [];
  readonly #verdictNumbers = new Map<string, number>();
  /** The one before: the next is mostly the same. */
  #last: { readonly verdict: Verdict; readonly number: number } | null = null;
  #vectors = vectorColumns();
  #next = 0;
  #pages: ColumnPage[] = [];
  readonly #numbers = new Map<Decided, number>();
  /** Decisions of rows whose values were not all decided alike, by what they say. */
  readonly #mixed = new Map<string, Decided>();

  constructor(duck: DuckDb) {
    this.#duck = duck;
  }

  /**
   * @param name      that no other role has which is judged with this engine
   * @param agreeing  what comes of rows that agree in every way
   */
  async begin(name: string, features: number, agreeing: RowOutcome = 'agrees'): Promise<void> {
    this.#function = quoteName(`verdicts of ${name}`);
    this.#features = features;
    this.#vectors = vectorColumns();
    this.#verdicts = [];
    this.#last = null;
    this.#verdictNumbers.clear();
    this.#numbers.clear();
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${JUDGED_VECTORS} (vid BIGINT, verdict UINTEGER)`);
    await this.#duck.tableOf(`verdicts of ${name}`, ['BIGINT', 'UINTEGER'], () => this.#pages);
    const nothing = { outcome: agreeing, mismatches: [], fault: null, used: null };
    this.endVerdict({ ...nothing, fidelity: 'true' });
    this.endVerdict({ ...nothing, fidelity: null });
  }

  /** @returns the number of a verdict, the same for what says the same */
  endVerdict(verdict: Verdict): number {
    if (this.#last !== null && isSame(this.#last.verdict, verdict)) return this.#last.number;
    const number = this.#numberOfVerdict(verdict);
    this.#last = { verdict, number };
    return number;
  }

  #numberOfVerdict(verdict: Verdict): number {
    const { outcome, fidelity, mismatches, fault, used } = verdict;
    let name = `${outcome} ${fidelity} ${this.#numberOf(fault)} ${this.#numberOf(used)}`;
    for (const { place, decided } of mismatches) name += ` ${place}=${this.#numberOf(decided)}`;
    const known = this.#verdictNumbers.get(name);
    if (known !== undefined) return known;
    const number = this.#verdicts.push(verdict) - 1;
    this.#verdictNumbers.set(name, number);
    return number;
  }

  /** A vector has this verdict. */
  addVector(vid: number, verdict: number): void {
    const { vid: vids, verdict: verdicts } = this.#vectors;
    vids.setWhole(this.#next, vid);
    verdicts.words[this.#next] = verdict;
    this.#next += 1;
    if (this.#next === CHUNK_ROWS) this.#turn();
  }

  /** @returns the decision of the first cause, with all causes of the row */
  #ofRow(mismatches: readonly Mismatch[], withinPromise: boolean): Decided {
    const [first, ...others] = new Set(mismatches.map(({ decided }) => decided));
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

  /** Puts what was told of vectors into the table. */
  async flush(): Promise<void> {
    if (this.#pages.length === 0) return;
    await this.#duck.run(`INSERT INTO ${JUDGED_VECTORS} SELECT * FROM ${this.#function}()`);
    this.#pages = [];
  }

  /** The tables are whole. */
  async end(): Promise<void> {
    this.#turn();
    await this.flush();
    await this.#layVerdicts();
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${DECISIONS}
      (decision UINTEGER, cause VARCHAR, causes VARCHAR[], run VARCHAR, within_promise BOOLEAN)`);
    const decisions = [...this.#numbers].map(([{ cause, also, origin, withinPromise }, number]) => {
      return [number, cause, valueToDuck(TEXTS, [cause, ...also]), origin.run, withinPromise];
    });
    await this.#duck.append(DECISIONS, decisions);
  }

  async #layVerdicts(): Promise<void> {
    const features = Array.from({ length: this.#features }, (_, i) => `d${i} UINTEGER`);
    const own =
      'verdict UINTEGER, outcome UTINYINT, fidelity UTINYINT, mismatches UINTEGER, beyond UINTEGER, decision UINTEGER, used UINTEGER';
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${VERDICTS} (${[own, ...features].join(', ')})`);
    for (let from = 0; from < this.#verdicts.length; from += CHUNK_ROWS) {
      const rows = this.#verdicts
        .slice(from, from + CHUNK_ROWS)
        .map((verdict, i) => this.#row(verdict, from + i));
      await this.#duck.append(VERDICTS, rows);
    }
  }

  #row({ outcome, fidelity, mismatches, fault, used }: Verdict, number: number): (number | null)[] {
    const differs = mismatches.length > 0;
    const decisions = Array.from({ length: this.#features }, () => 0);
    for (const { place, decided } of mismatches) decisions[place] = this.#numberOf(decided);
    const beyond = mismatches.filter(({ decided }) => !decided.withinPromise).length;
    const decision = differs ? this.#ofRow(mismatches, beyond === 0) : fault;
    return [
      number,
      ROW_OUTCOMES.indexOf(differs ? 'differs' : outcome),
      fidelity === null ? null : FIDELITY_ANSWERS.indexOf(fidelity),
      mismatches.length,
      beyond,
      this.#numberOf(decision),
      this.#numberOf(used),
      ...decisions,
    ];
  }

  #turn(): void {
    if (this.#next === 0) return;
    const columns = [this.#vectors.vid.detach(), this.#vectors.verdict.detach()];
    this.#pages.push({ columns, rows: this.#next });
    this.#next = 0;
  }

  /** From 1 on; 0 is none. */
  #numberOf(decided: Decided | null): number {
    if (decided === null) return 0;
    const known = this.#numbers.get(decided);
    if (known !== undefined) return known;
    this.#numbers.set(decided, this.#numbers.size + 1);
    return this.#numbers.size;
  }
}

function isSame(a: Verdict, b: Verdict): boolean {
  const { length } = a.mismatches;
  if (a.outcome !== b.outcome || a.fidelity !== b.fidelity || a.fault !== b.fault || a.used !== b.used)
    return false;
  if (length !== b.mismatches.length) return false;
  for (let i = 0; i < length; i++) {
    const [left, right] = [a.mismatches[i]!, b.mismatches[i]!];
    if (left.place !== right.place || left.decided !== right.decided) return false;
  }
  return true;
}

function vectorColumns(): { readonly vid: Column; readonly verdict: Column } {
  return { vid: new Column('bits64'), verdict: new Column('bits32') };
}

const TEXTS: ValueType = { kind: 'list', of: { kind: 'string' } };
