/** A view over a source while a process streams it: its hold, its record, and what was counted, share after share. */
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { WriteCounts } from '../online/guard-outcome.ts';
import type { ViewHold } from '../run/view-hold.ts';
import type { StreamCounts } from './stream-counts.ts';
import type { StreamRecord } from './stream-record.ts';

export interface RunningView {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly runId: string;
  readonly hold: ViewHold;
  readonly record: StreamRecord;
  /** Outcomes of the writes online. */
  readonly writes: WriteCounts;
  /** partition -> what became of its events */
  readonly counts: Map<number, StreamCounts>;
}
