/** The day or hour that a run judges, with what the judgements of all its services share. Made by run.ts. */
import type { HmacKey } from '../contract/log-privacy.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import type { HistoryPlace } from '../project/history/history-place.ts';
import type { Project } from '../project/project.ts';
import type { DayOfLog } from './day/day-of-log.ts';
import type { BundleBook } from './judge/bundle-book.ts';
import type { JudgedSpan } from './judged-span.ts';
import type { SparkSplits } from './spark/spark-split.ts';

export interface MonitoredDay extends JudgedSpan {
  readonly project: Project;
  readonly database: RegistryDatabase;
  readonly book: BundleBook;
  readonly duck: DuckDb;
  /** The folder of the run for what it needs meanwhile. */
  readonly scratch: string;
  /** Each history is read at one entry, the same for all of the run. */
  readonly histories: HistoryPlace;
  readonly log: DayOfLog;
  /** Whether what another V8 computed on demand is judged all the same. */
  readonly otherEngine: boolean;
  /** How many groups of vectors are judged at once (groups/group-pages.ts). */
  readonly groupsAtOnce: number;
  /** Replays what grows with the day in place of DuckDB; null: DuckDB does. */
  readonly spark: SparkSplits | null;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
}
