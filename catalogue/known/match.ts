/** Records of judged features added up: over services to days, over days to causes. Pure. */
import { CAUSES } from '../../contract/cause.ts';
import type { CauseCount } from '../../contract/cause.ts';
import type { FeatureRecord, MatchLevel, ViewRecord } from '../../contract/verdict-record.ts';
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

export function matchOf(records: readonly FeatureRecord[]): Match {
  const sum = (of: (record: FeatureRecord) => number): number =>
    records.reduce((total, one) => total + of(one), 0);
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

/** @returns one a date, in their order; the interval is that of the service with the widest one */
function matchDays(records: readonly FeatureRecord[]): MatchDay[] {
  const dates = Map.groupBy(records, ({ date }) => date);
  return [...dates].map(([date, own]) => {
    const { present, beyondPromise, exactMatch, exactMatchWithinPromise } = matchOf(own);
    const intervals = own.flatMap(({ interval }) => (interval === null ? [] : [interval]));
    const low = Math.min(...intervals.map(([from]) => from));
    const high = Math.max(...intervals.map(([, to]) => to));
    return {
      date,
      present,
      beyondPromise,
      exact: exactMatch,
      within: exactMatchWithinPromise,
      provisional: own.some(({ provisional }) => provisional),
      interval: intervals.length === 0 ? null : ([low, high] as const),
    };
  });
}

/** @returns those that broke the promise most first */
function causesOf(records: readonly FeatureRecord[]): CauseCount[] {
  return CAUSES.map((cause) => {
    const own = records.flatMap(({ causes }) => causes[cause] ?? []);
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

/** @param age  null: the values are computed when they are asked for */
/** @param records  of one feature or of many, by date */
export function matchedOf(records: readonly FeatureRecord[]): Matched {
  const days = matchDays(records);
  const date = days.at(-1)?.date;
  const last = date === undefined ? null : { date, ...matchOf(records.filter((one) => one.date === date)) };
  return { last, days, causes: causesOf(records) };
}

/** How old a view's data was when it was served, a day. */
export interface AgeDay {
  readonly date: string;
  /** The greatest of the day; null: not known. */
  readonly ageUs: number | null;
  /** Hours with vectors, and those in which the data was older than promised. */
  readonly hours: number;
  readonly hoursBeyond: number;
}

/** @returns one a date, in their order, over the services; the view's promise of the day is what counts */
export function ageDays(records: readonly ViewRecord[]): AgeDay[] {
  return [...Map.groupBy(records, ({ date }) => date)].map(([date, own]) => {
    const oldest = new Map<number, number | null>();
    for (const { hours } of own)
      for (const { hour, ageUs } of hours) {
        const before = oldest.get(hour) ?? null;
        oldest.set(hour, ageUs === null ? before : Math.max(before ?? 0, ageUs));
      }
    const promised = Math.min(...own.map(({ freshnessUs }) => freshnessUs));
    const ages = [...oldest.values()].flatMap((age) => age ?? []);
    return {
      date,
      ageUs: ages.length === 0 ? null : Math.max(...ages),
      hours: oldest.size,
      hoursBeyond: ages.filter((age) => age > promised).length,
    };
  });
}
