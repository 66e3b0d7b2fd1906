/**
 * The clocks of the pods that answered a service's day, as far as the log tells of steps (contract/wire/log: each
 * heartbeat says by how much the wall clock has moved since the start beyond the time that passed). Which of its times
 * was the right one is not known, so a vector is also read at the times that the clock would have shown without the
 * steps before it, or with those after it.
 *
 *   pod_clocks     pod, epoch, offset_us of some vectors | correction_us, stands: 'before' or 'after'
 *   replay_clocks  an open row of such a pod and one correction: vid, origin_vid, and the columns of the open rows with
 *                  `served_us` corrected;   replay_clocked: what training joins at that time
 *
 * Of the seconds between a step and the next heartbeat nothing tells. A steady pod costs nothing.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteText } from '../../project/engine/duckdb/duckdb.ts';
import type { ClockReading } from '../causes/facts.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';

const CLOCKS = 'pod_clocks';
const LABELS = 'replay_clocks';
const JOINED = 'replay_clocked';

/** Less is the daily work of NTP, not a step that anyone must know of. */
const LEAST_STEP_US = 1_000_000;

interface Correction {
  readonly pod: string;
  readonly epoch: string;
  /** Of the vectors that it is for. */
  readonly offsetUs: number;
  readonly correctionUs: number;
  readonly stands: ClockReading['stands'];
}

export class PodClocks {
  readonly #duck: DuckDb;
  readonly #day: DayOfService;
  #areSteady = true;

  constructor(duck: DuckDb, day: DayOfService) {
    this.#duck = duck;
    this.#day = day;
  }

  /** Reads the steps of the day. */
  async begin(): Promise<void> {
    const rows = await this.#duck.rows(`SELECT pod, epoch, CAST(clock_offset AS DOUBLE) AS offset_us
      FROM (${this.#day.files.vectors}) GROUP BY ALL ORDER BY pod, epoch, min(sequence)`);
    const starts = Map.groupBy(rows, ({ pod, epoch }) => `${pod as string} ${epoch as string}`);
    const corrections = [...starts.values()].flatMap((own) => {
      const { pod, epoch } = own[0] as { pod: string; epoch: string };
      return correctionsOf(own.map((row) => row['offset_us'] as number)).map((correction) => ({
        pod,
        epoch,
        ...correction,
      }));
    });
    this.#areSteady = corrections.length === 0;
    if (this.#areSteady) return;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${CLOCKS} AS SELECT * FROM (VALUES
      ${corrections.map(valuesSql).join(', ')}) c(pod, epoch, offset_us, correction_us, stands)`);
  }

  /**
   * Joins the open rows of a role at their corrected times.
   *
   * @param join  makes a table of what training joins, one row a label, from labels like the open rows
   */
  async join(join: (labels: string, table: string) => Promise<void>): Promise<void> {
    if (this.#areSteady) return;
    await this.#duck.run(`CREATE OR REPLACE TEMP TABLE ${LABELS} AS
      SELECT row_number() OVER () - 1 AS vid, v.vid AS origin_vid, c.correction_us, c.stands,
        v.* EXCLUDE (vid) REPLACE (v.served_us + c.correction_us AS served_us)
      FROM ${OPEN_ROWS} v JOIN ${CLOCKS} c
        ON c.pod = v.pod AND c.epoch = v.epoch AND c.offset_us = v.clock_offset`);
    await join(LABELS, JOINED);
  }

  /** SELECTs of the vid of each open row that has readings. */
  get stepped(): readonly string[] {
    return this.#areSteady ? [] : [`SELECT origin_vid AS vid FROM ${LABELS}`];
  }

  /** @returns by vid the readings of these open rows, the smallest correction first */
  async of(vids: readonly number[]): Promise<Map<number, ClockReading[]>> {
    const readings = new Map<number, ClockReading[]>();
    if (this.#areSteady || vids.length === 0) return readings;
    const rows = await this.#duck.rows(`SELECT CAST(l.origin_vid AS DOUBLE) AS vid,
        CAST(l.correction_us AS DOUBLE) AS correction_us, l.stands,
        CAST(CASE WHEN NOT j.asof_deleted THEN j.asof_event_us END AS DOUBLE) AS event_us,
        CAST(j.asof_created_us AS DOUBLE) AS created_us
      FROM ${LABELS} l JOIN ${JOINED} j ON j.rid = l.vid
      WHERE l.origin_vid IN (${vids.join(', ')}) ORDER BY abs(l.correction_us)`);
    for (const row of rows) {
      const [vid, eventUs] = [row['vid'] as number, row['event_us'] as number | null];
      const reading: ClockReading = {
        correctionUs: row['correction_us'] as number,
        stands: row['stands'] as ClockReading['stands'],
        row: eventUs === null ? null : { eventUs, createdUs: row['created_us'] as number | null },
      };
      readings.set(vid, [...(readings.get(vid) ?? []), reading]);
    }
    return readings;
  }
}

/**
 * @param offsets  of one start of a pod, which began at 0, in the order of its log, in microseconds
 * @returns        for each of them the ways to where the clock stood at the start, before the last step, after the next
 *                 one, and in the end
 */
export function correctionsOf(
  offsets: readonly number[],
): Pick<Correction, 'offsetUs' | 'correctionUs' | 'stands'>[] {
  // Where the clock stood between two steps, by the first offset of then. The archive may hold no vector of the start.
  const stood = [0];
  const places = offsets.map((us) => {
    if (Math.abs(us - stood.at(-1)!) >= LEAST_STEP_US) stood.push(us);
    return stood.length - 1;
  });
  const all = [0, ...offsets].flatMap((offsetUs, i) => {
    const at = i === 0 ? 0 : places[i - 1]!;
    return [0, at - 1, at + 1, stood.length - 1].flatMap((other) => {
      const correctionUs = (stood[other] ?? offsetUs) - offsetUs;
      if (Math.abs(correctionUs) < LEAST_STEP_US) return [];
      const stands = other < at ? ('before' as const) : ('after' as const);
      return [{ offsetUs, correctionUs, stands }];
    });
  });
  // Of two ways to the same time the one to before the step is told.
  const byName = all.toReversed().map((one) => [`${one.offsetUs} ${one.correctionUs}`, one] as const);
  return [...new Map(byName).values()].toReversed();
}

function valuesSql({ pod, epoch, offsetUs, correctionUs, stands }: Correction): string {
  return `(${quoteText(pod)}, ${quoteText(epoch)}, ${offsetUs}::BIGINT, ${correctionUs}::BIGINT, ${quoteText(stands)})`;
}
