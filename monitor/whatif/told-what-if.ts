/** What other settings would have served on a judged day, as the day's verdict keeps it for its report. */

/** One setting, or what was measured: a line of the table. */
export interface ToldSetting {
  /** Such as `every 15m instead of every 1h`. */
  readonly name: string;
  /** The settings in force, simulated: what all others are held against. */
  readonly isBase: boolean;
  /** null: there is no value present. */
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
  /** How old the data was; null: no vector has one. Absent: of an on-demand view. */
  readonly ageP50Us?: number | null;
  readonly ageP99Us?: number | null;
  /** Of an on-demand view: the share of the served values that would have been others; null: not asked. */
  readonly otherValues?: number | null;
}

export interface ToldView {
  readonly role: string;
  /** Its id. */
  readonly view: string;
  /** Why nothing can be said, as the end of a sentence; null: it can. */
  readonly unknown: string | null;
  /** What was measured first, then the settings in force, then the others; empty where nothing can be said. */
  readonly settings: readonly ToldSetting[];
  /** What a reader must know of these, each as a part of a sentence. */
  readonly notes: readonly string[];
}

export interface ToldWhatIf {
  /** When it was asked. */
  readonly askedAt: string;
  /** Of the entities, in (0, 1]; null: all were simulated. */
  readonly sampled: number | null;
  readonly views: readonly ToldView[];
}
