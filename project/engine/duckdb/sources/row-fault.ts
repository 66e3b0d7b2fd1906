/** A fault of a row: SQL that is true of a bad row, SQL that is true of every other, and the reason as a text in SQL. */
export interface Fault {
  readonly bad: string;
  readonly good: string;
  readonly reason: string;
}
