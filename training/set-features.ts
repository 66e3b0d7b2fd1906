/** The features of a training set before it is written, whichever way they came: from the history or from the log. */
import type { Bundle, FeatureService } from '../contract/model.ts';
import type { LabelCounts, TrainedLog, TrainingManifest, WarmCap } from '../contract/training-manifest.ts';
import type { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import type { HistoriesSeen } from '../project/history/history-place.ts';
import type { Project } from '../project/project.ts';
import type { LabelFile } from './labels/label-file.ts';
import type { Labels } from './labels/training-labels.ts';
import type { TrainOptions } from './train-options.ts';
import type { JoinedColumn, JoinedFeatures } from './training-output.ts';

/** A training set that is being made. */
export interface SetMaking {
  readonly project: Project;
  readonly duck: DuckDb;
  /** A folder for files that are needed meanwhile. */
  readonly scratch: string;
  /** In force, with its sources' paths in this environment. */
  readonly bundle: Bundle;
  readonly service: FeatureService;
  readonly labels: LabelFile;
  /** The histories as the set sees them. */
  readonly seen: HistoriesSeen;
  readonly options: TrainOptions;
}

export interface SetFeatures {
  /** The definitions of the features: those in force, or those that answered. */
  readonly bundle: Bundle;
  readonly service: FeatureService;
  readonly labels: Labels;
  /** The labels that are not in it; null: all are. */
  readonly cap: WarmCap | null;
  readonly features: JoinedFeatures;
  /** Columns that stand behind the features. */
  readonly behind: readonly JoinedColumn[];
  /** By the feature's full name. */
  readonly counts: ReadonlyMap<string, LabelCounts>;
  readonly as: TrainingManifest['as'];
  readonly views: TrainingManifest['views'];
  /** null: the set is of the history. */
  readonly log: TrainedLog | null;
  /** What the reader should know about the set, one sentence each. */
  readonly notes: readonly string[];
}
