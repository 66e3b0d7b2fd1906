/**
 * How far the partitions of streams have come, as the processes that hold them say it about once a second: by it each
 * knows up to where a view is complete over all partitions, and the metrics tell where one lags.
 */
import type { Kysely } from 'kysely';

export interface StreamPartitionTables {
  stream_view: { view: string; horizon_us: number };
  stream_partition: { view: string; partition: number; record: string };
}

/** A partition of a view's source as its holder last said it. */
export interface PartitionNote {
  /** The holder's; '': it makes tiles and no rows. */
  readonly runId: string;
  /** Tells the topic from another one of its name. */
  readonly sourceId: string;
  readonly partition: number;
  /** Up to which edge its rows are online, or up to when its tiles were sent; 0: none yet. */
  readonly watermarkUs: number;
  /** Of the message that is read next. */
  readonly offset: number;
  /** Messages that are not read yet; null: nobody counts them, as in a folder. */
  readonly behind: number | null;
  /** Edges that the watermark has passed and whose rows are not written. */
  readonly edgesDue: number;
  /** Events of this run so far that came too late, and those that the view excludes or refuses. */
  readonly late: number;
  readonly leftOut: number;
  readonly notedUs: number;
}

export class StreamPartitionTable {
  readonly #db: Kysely<StreamPartitionTables>;

  constructor(db: Kysely<StreamPartitionTables>) {
    this.#db = db;
  }

  /** @returns the horizon of a view's first stream, whichever of several that start at once was first to say it */
  async firstHorizon(view: string, horizonUs: number): Promise<number> {
    const first = this.#db.insertInto('stream_view').values({ view, horizon_us: horizonUs });
    await first.onConflict((conflict) => conflict.doNothing()).execute();
    const said = this.#db.selectFrom('stream_view').select('horizon_us').where('view', '=', view);
    return (await said.executeTakeFirstOrThrow()).horizon_us;
  }

  async put(view: string, notes: readonly PartitionNote[]): Promise<void> {
    for (const note of notes) {
      const row = { record: JSON.stringify(note) };
      await this.#db
        .insertInto('stream_partition')
        .values({ view, partition: note.partition, ...row })
        .onConflict((conflict) => conflict.columns(['view', 'partition']).doUpdateSet(row))
        .execute();
    }
  }

  /** @returns the newest note of each partition that was ever held, in their order */
  async of(view: string): Promise<PartitionNote[]> {
    const rows = this.#db.selectFrom('stream_partition').select('record').where('view', '=', view);
    return (await rows.orderBy('partition').execute()).map(
      ({ record }) => JSON.parse(record) as PartitionNote,
    );
  }
}
