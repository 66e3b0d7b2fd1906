/** A fault of a row: SQL that is true of a bad one, SQL that is true of every other, and the reason as SQL of a text. */
export interface Fault {
  readonly bad: string;
  readonly good: string;
  readonly reason: string;
}
