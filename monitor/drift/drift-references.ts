/** What a day's drift was measured against, as the snapshot holds it. */
export interface DriftReferences {
  /** null: the registry has no manifest of a set of this service from before the day's end. */
  readonly training: { readonly name: string; readonly madeAt: string; readonly rows: number } | null;
  /** The days of the same weekday, the newest first. */
  readonly weekdays: readonly string[];
  /** How many training sets means and deviations are beside. */
  readonly sets: number;
}
