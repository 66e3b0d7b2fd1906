/** The run record of a view's stream: one for each time that a process holds the view, up to date at each commit. */
import type { Bundle, FeatureView } from '../../contract/model.ts';
import type { RunRecord, TakeOver } from '../../contract/run-record.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { noWrites } from '../online/guard-outcome.ts';
import type { WriteCounts } from '../online/guard-outcome.ts';
import { NO_ROWS, recordedCounts } from '../run/row-counts.ts';
import type { StreamCounts } from './stream-counts.ts';

interface BegunStream {
  readonly view: FeatureView;
  readonly bundle: Bundle;
  readonly runId: string;
  readonly startedUs: number;
  /** Called with the runs whose processes are gone. */
  readonly clear: (runId: string) => void;
  /** Where no run before it had one: its start unless given. */
  readonly horizonUs?: number;
}

interface CountedView {
  readonly writes: WriteCounts;
  readonly events: StreamCounts;
}

interface Committed {
  /** That have become history since the last time. */
  readonly rows: number;
  /** Up to which edge the view is complete. */
  readonly watermarkUs: number;
  readonly nowUs: number;
}

const DIED = 'its process ended before the stream did';

export class StreamRecord {
  readonly #database: RegistryDatabase;
  #record: RunRecord;

  private constructor(database: RegistryDatabase, record: RunRecord) {
    this.#database = database;
    this.#record = record;
  }

  /** Closes the records of streams that died: those of the view that no living process shares. */
  static async begin(database: RegistryDatabase, begun: BegunStream): Promise<StreamRecord> {
    const { view, startedUs, clear } = begun;
    const runs = await database.runs({ view: view.id });
    for (const run of runs) {
      if (run.kind !== 'stream' || run.state !== 'running') continue;
      if (await database.leases.isMember(view.id, run.runId, Date.now())) continue;
      await database.finishRun({ ...run, state: 'failed', finishedUs: startedUs, error: DIED });
      clear(run.runId);
    }
    const known = runs.findLast((run) => run.horizonUs !== null)?.horizonUs ?? null;
    const horizonUs =
      known ?? (await database.streamPartitions.firstHorizon(view.id, begun.horizonUs ?? startedUs));
    const record = firstRecord(begun, horizonUs);
    await database.startRun(record);
    return new StreamRecord(database, record);
  }

  get runId(): string {
    return this.#record.runId;
  }

  /** Events appended up to and including it count however late they were: the start of the view's first run. */
  get horizonUs(): number {
    return this.#record.horizonUs!;
  }

  /** The record says so from the next time on that it is saved. */
  tookOver(takeOver: TakeOver): void {
    const { takeOvers = [] } = this.#record;
    this.#record = { ...this.#record, takeOvers: [...takeOvers, takeOver] };
  }

  async save({ writes, events }: CountedView, { rows, watermarkUs, nowUs }: Committed): Promise<void> {
    const { counted, twice, late, excluded, refused, remade, reasons } = events;
    this.#record = {
      ...this.#record,
      ...writes,
      read: counted + twice + late + refused,
      counted: counted + twice,
      lateEvents: late,
      latenessNeededUs: events.latenessNeededUs,
      excluded,
      rejected: refused,
      ...(remade === 0 ? {} : { remadeTiles: remade }),
      rejectReasons: Object.fromEntries(reasons),
      newestEventUs: events.newestEventUs,
      newestCreatedUs: events.newestCreatedUs,
      historyRows: this.#record.historyRows + rows,
      watermarkUs,
      toUs: nowUs,
    };
    await this.#database.finishRun(this.#record);
  }

  async complete(nowUs: number): Promise<RunRecord> {
    return this.#finish({ ...this.#record, finishedUs: nowUs, state: 'complete' });
  }

  async fail({ message }: Error, nowUs: number): Promise<void> {
    await this.#finish({ ...this.#record, finishedUs: nowUs, state: 'failed', error: message });
  }

  async #finish(record: RunRecord): Promise<RunRecord> {
    await this.#database.finishRun((this.#record = record));
    return record;
  }
}

function firstRecord({ view, bundle, runId, startedUs }: BegunStream, horizonUs: number): RunRecord {
  return {
    runId,
    view: view.id,
    kind: 'stream',
    definitionId: view.definitionId,
    engine: 'stream',
    bundle: bundle.hash,
    fromUs: null,
    toUs: startedUs,
    watermarkUs: 0,
    horizonUs,
    latenessUs: view.latenessUs,
    ttlUs: null,
    ...noWrites(),
    historyRows: 0,
    ...recordedCounts(NO_ROWS),
    startedUs,
    finishedUs: null,
    state: 'running',
    error: null,
  };
}
