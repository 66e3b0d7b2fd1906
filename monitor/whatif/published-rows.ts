/**
 * When the rows of a view's history could be known, and when they were online, by what the run records tell.
 *
 *   known    the time from which a run could have brought the row: in a stored view the later of its event and created
 *            time. In an aggregated one its edge; a row that a run added to an edge that was complete before came of a
 *            late event: then the cut-off of that run, by which the event had come in for sure, less
 *            what the run began late
 *   real     the end of the run that brought it online; NULL: none did
 *
 *   whatif_runs    run_id | before_us: up to when the view was complete before it | cut_us | started_us, online_us
 *                  is_backfill
 *   whatif_cuts    cut_us | online_us: the first run to end that had read up to there (whatif_created: by created time)
 *   whatif_marks   online_us | watermark_us: how the online watermark went
 */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { firstPast, highestSoFar } from '../judge/bisection.ts';

export const MARKS = 'whatif_marks';
const RUNS = 'whatif_runs';
const CUTS = 'whatif_cuts';
const CREATED_CUTS = 'whatif_created';

/** A complete run: it ended. */
type EndedRun = RunRecord & { readonly finishedUs: number };

/** @param runs  of the view, in any order */
export function endedRuns(runs: readonly RunRecord[]): EndedRun[] {
  return runs
    .filter((run): run is EndedRun => run.state === 'complete' && run.finishedUs !== null)
    .toSorted((a, b) => a.finishedUs - b.finishedUs);
}

/**
 * Makes the tables of the runs.
 *
 * @param lateUs  how long after its usual time a run began: runs that keep to it bring its late rows then
 */
export async function layRuns(
  duck: DuckDb,
  runs: readonly RunRecord[],
  lateUs: (run: RunRecord) => number = () => 0,
): Promise<void> {
  const ended = endedRuns(runs);
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${RUNS}
      (run_id VARCHAR, before_us BIGINT, cut_us BIGINT, started_us BIGINT, online_us BIGINT, is_backfill BOOLEAN);
    CREATE OR REPLACE TEMP TABLE ${CUTS} (cut_us BIGINT, online_us BIGINT);
    CREATE OR REPLACE TEMP TABLE ${CREATED_CUTS} (cut_us BIGINT, online_us BIGINT);
    CREATE OR REPLACE TEMP TABLE ${MARKS} (online_us BIGINT, watermark_us BIGINT)`);
  const watermarks = highestSoFar(ended.map(({ watermarkUs }) => watermarkUs));
  const starts = highestSoFar(ended.map(({ startedUs }) => startedUs));
  const rows = runs.map((run) => {
    const beforeUs = watermarks[firstPast(ended, ({ finishedUs }) => finishedUs > run.startedUs) - 1] ?? null;
    // What a run that failed had committed went online with the next one.
    const online = run.state === 'complete' ? run : ended[firstPast(starts, (us) => us >= run.startedUs)];
    const times = [beforeUs, run.toUs - lateUs(run), run.startedUs, online?.finishedUs ?? null];
    return [run.runId, ...times.map(bigintOf), run.kind === 'backfill'];
  });
  await duck.append(RUNS, rows);
  await duck.append(CUTS, stairs(ended.map(({ toUs, finishedUs }) => [toUs, finishedUs])));
  const createdCuts = ended.map(
    ({ newestCreatedUs, toUs, finishedUs }) => [newestCreatedUs ?? toUs, finishedUs] as const,
  );
  await duck.append(CREATED_CUTS, stairs(createdCuts));
  const marks = stairs(ended.map(({ watermarkUs, finishedUs }) => [watermarkUs, finishedUs]));
  await duck.append(
    MARKS,
    marks.map(([watermarkUs, onlineUs]) => [onlineUs!, watermarkUs!]),
  );
}

function bigintOf(us: number | null): bigint | null {
  return us === null ? null : BigInt(us);
}

/** @returns the pairs, in order of their second number, that raise the first one */
function stairs(pairs: readonly (readonly [number, number])[]): [bigint, bigint][] {
  let highest = -Infinity;
  return pairs.flatMap(([us, onlineUs]): [bigint, bigint][] => {
    if (us <= highest) return [];
    highest = us;
    return [[BigInt(us), BigInt(onlineUs)]];
  });
}

/**
 * @param rows  FROM item with `event_us`, `created_us`, `run_id`
 * @returns     a SELECT of these rows with `known_us`, `real_us` and `is_backfill`
 */
export function publishedSql(
  { kind, outOfOrderUs }: Pick<FeatureView, 'kind' | 'outOfOrderUs'>,
  rows: string,
): string {
  if (kind === 'stored') {
    return `SELECT h.*, CASE WHEN h.created_us IS NULL THEN c.online_us WHEN c.online_us IS NOT NULL AND n.online_us IS NOT NULL
        THEN greatest(c.online_us, n.online_us) END AS real_us, false AS is_backfill
      FROM (SELECT *, greatest(event_us, created_us) AS known_us FROM ${rows}) h
      ASOF LEFT JOIN ${CUTS} c ON h.known_us <= c.cut_us
      ASOF LEFT JOIN ${CREATED_CUTS} n ON coalesce(h.created_us, 0) <= n.cut_us`;
  }
  return `SELECT h.*, CASE WHEN r.run_id IS NULL THEN greatest(h.event_us, h.created_us) WHEN r.is_backfill THEN r.started_us
      WHEN r.before_us IS NULL OR h.event_us > r.before_us THEN h.event_us + ${outOfOrderUs} ELSE greatest(h.event_us, r.cut_us) END AS known_us,
      CASE WHEN r.run_id IS NULL THEN h.created_us ELSE r.online_us END AS real_us, coalesce(r.is_backfill, false) AS is_backfill
    FROM ${rows} h LEFT JOIN ${RUNS} r USING (run_id)`;
}
