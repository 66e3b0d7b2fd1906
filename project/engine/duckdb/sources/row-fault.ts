/** A fault of a row: SQL that holds of bad rows, SQL that holds of all others, and the reason as a text in SQL. */
export interface Fault {
  readonly bad: string;
  readonly good: string;
  readonly reason: string;
}
