/** Records of judged features added up: over services to days, over days to causes. Pure. */
import { CAUSES } from '../../contract/cause.ts';
import type { CauseCount } from '../../contract/cause.ts';
import type { DaySums, FeatureRecord, MatchLevel } from '../../contract/verdict-record.ts';
import type { VerdictTable } from '../../project/database/verdict-table.ts';
import type { TrendDay } from '../../project/page/charts/trend-chart.ts';

/** Values and how they matched; rates are null over no values. */
export interface Match {
  readonly rows: number;
  readonly present: number;
  readonly exact: number;
  readonly withinPromise: number;
  readonly beyondPromise: number;
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
  /** Of the vectors those that got a value, and those whose value was null. */
  readonly coverage: number | null;
  readonly nullShare: number | null;
  /** The worst. */
  readonly level: MatchLevel;
}

const WORSE: Readonly<Record<MatchLevel, number>> = { ok: 0, 'too-few': 1, alert: 2, alarm: 3 };

function worstLevel(levels: readonly MatchLevel[]): MatchLevel {
  return levels.reduce<MatchLevel>((worst, one) => (WORSE[one] > WORSE[worst] ? one : worst), 'ok');
}

export function matchOf(records: readonly DaySums[]): Match {
  const sum = (of: (record: DaySums) => number): number => records.reduce((total, one) => total + of(one), 0);
  const rows = sum((one) => one.rows);
  const present = sum((one) => one.present);
  const exact = sum((one) => one.exact);
  const withinPromise = sum((one) => one.withinPromise);
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  return {
    rows,
    present,
    exact,
    withinPromise,
    beyondPromise: sum((one) => one.beyondPromise),
    exactMatch: share(exact, present),
    exactMatchWithinPromise: share(exact + withinPromise, present),
    coverage: share(
      sum((one) => one.answered),
      rows,
    ),
    nullShare: share(
      sum((one) => one.nulls),
      rows,
    ),
    level: worstLevel(records.map(({ level }) => level)),
  };
}

/** A day of a feature over all services. */
interface MatchDay extends TrendDay {
  readonly present: number;
  readonly beyondPromise: number;
}

function matchDays(sums: readonly DaySums[]): MatchDay[] {
  return sums.map((own) => {
    const { date, provisional, interval } = own;
    const { present, beyondPromise, exactMatch, exactMatchWithinPromise } = matchOf([own]);
    return {
      date,
      provisional,
      interval,
      present,
      beyondPromise,
      exact: exactMatch,
      within: exactMatchWithinPromise,
    };
  });
}

/** @returns those that broke the promise most first */
function causesOf(records: readonly FeatureRecord['causes'][]): CauseCount[] {
  return CAUSES.map((cause) => {
    const own = records.flatMap((causes) => causes[cause] ?? []);
    return {
      cause,
      values: own.reduce((sum, { values }) => sum + values, 0),
      beyondPromise: own.reduce((sum, one) => sum + one.beyondPromise, 0),
    };
  })
    .filter(({ values }) => values > 0)
    .toSorted((a, b) => b.beyondPromise - a.beyondPromise || b.values - a.values);
}

/** A feature, or many together, over the last days. */
export interface Matched {
  /** The newest judged day over all services; null: no day was judged in the last 30. */
  readonly last: (Match & { readonly date: string }) | null;
  readonly days: readonly MatchDay[];
  readonly causes: readonly CauseCount[];
}

/** @param filter  which records; `from` is the first day that is shown */
export async function matchedOf(
  verdicts: VerdictTable,
  filter: Parameters<VerdictTable['sums']>[0],
): Promise<Matched> {
  const sums = await verdicts.sums(filter);
  const newest = sums.at(-1);
  return {
    last: newest === undefined ? null : { date: newest.date, ...matchOf([newest]) },
    days: matchDays(sums),
    causes: causesOf(await verdicts.causes(filter)),
  };
}
