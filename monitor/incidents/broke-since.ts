/** What is new, worse or gone since the last verdict, by view and cause: the question of every morning. Pure. */
import { shareInterval } from '../statistics/share-interval.ts';
import type { EarlierDay } from '../verdict/earlier-day.ts';
import type { BrokeSince, ViewCause } from '../verdict/snapshot.ts';

/** What of a verdict is compared. */
type Compared = Pick<EarlierDay, 'incidents'> & {
  readonly features: readonly Pick<EarlierDay['features'][number], 'view' | 'rowsJudged'>[];
};

/** What one cause did to one view on one day. */
interface Harmed {
  readonly view: string;
  readonly cause: ViewCause['cause'];
  readonly beyondPromise: number;
  /** Distinct rows of the incidents, as far as they are beyond the promise, of all that were judged. */
  readonly rows: number;
  readonly rowsJudged: number;
}

/**
 * @param earlier  the verdicts before, oldest first; the newest settled one counts, else the newest. Days on which
 *                 nothing could be judged are passed over
 * @returns        null without an earlier verdict; worse is what hit surely a greater share of the rows
 */
export function brokeSince(today: Compared, earlier: readonly EarlierDay[]): BrokeSince | null {
  const judged = earlier.filter(isJudged);
  const before = judged.findLast(({ provisional }) => !provisional) ?? judged.at(-1);
  if (before === undefined || !isJudged(today)) return null;
  const [now, then] = [harmedBy(today), harmedBy(before)];
  const compared = [...new Set([...now.keys(), ...then.keys()])].map((key) => {
    const [a, b] = [now.get(key), then.get(key)];
    const { view, cause } = (a ?? b)!;
    return { view, cause, beyondPromise: a?.beyondPromise ?? 0, before: b?.beyondPromise ?? 0, a, b };
  });
  const listed = (which: (one: (typeof compared)[number]) => boolean): ViewCause[] =>
    compared
      .filter(which)
      .toSorted((a, b) => b.beyondPromise - a.beyondPromise || b.before - a.before)
      .map(({ view, cause, beyondPromise, before: values }) => ({
        view,
        cause,
        beyondPromise,
        before: values,
      }));
  return {
    date: before.date,
    new: listed(({ a, b }) => a !== undefined && b === undefined),
    worse: listed(({ a, b }) => a !== undefined && b !== undefined && isWorse(a, b)),
    gone: listed(({ a, b }) => a === undefined && b !== undefined),
  };
}

/** On a day without a row nothing is gone. */
function isJudged({ incidents, features }: Compared): boolean {
  return incidents.length > 0 || features.some(({ rowsJudged }) => rowsJudged > 0);
}

/** @returns by view and cause; only what broke the promise */
function harmedBy({ incidents, features }: Compared): Map<string, Harmed> {
  const broken = incidents.filter(({ beyondPromise }) => beyondPromise > 0);
  const groups = Map.groupBy(broken, ({ view, cause }) => `${view} ${cause}`);
  return new Map(
    [...groups].map(([key, own]) => {
      const { view, cause } = own[0]!;
      const judged = features.filter((feature) => feature.view === view).map((f) => f.rowsJudged);
      const rows = own.reduce((sum, one) => sum + (one.rows * one.beyondPromise) / one.values, 0);
      const beyondPromise = own.reduce((sum, one) => sum + one.beyondPromise, 0);
      return [key, { view, cause, beyondPromise, rows, rowsJudged: Math.max(rows, ...judged) }];
    }),
  );
}

function isWorse(now: Harmed, then: Harmed): boolean {
  return shareInterval(now.rows, now.rowsJudged)[0] > shareInterval(then.rows, then.rowsJudged)[1];
}
