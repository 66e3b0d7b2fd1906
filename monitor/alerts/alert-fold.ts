/**
 * Which alerts of a service are open after its judged days. Pure: the same days always give the same alerts, so that
 * nothing has to be remembered beside the verdicts, and judging a day again corrects what it said.
 *
 * An alert is about one view and one cause. Its days are a row of letters, and days without enough data of its view are
 * left out:
 *
 *   opens    after two bad days in a row, or with one bad day or hour whose fault is one to act on at once
 *   closes   after three good days in a row
 *
 * Verdicts on single hours open what is at once, and count as no day.
 */

/** What a verdict says that can open an alert. */
export interface DayFault {
  /** The view's id; empty: the fault is of no single view. */
  readonly view: string;
  readonly cause: string;
  /** Whether one day of it is enough. */
  readonly atOnce: boolean;
  /** Whether the provisional verdict on that day did not show it: it is told then, and nobody is woken. */
  readonly isLate: boolean;
}

/** A service's verdict on a day, or on an hour of it. */
export interface AlertDay<F extends DayFault = DayFault> {
  /** YYYY-MM-DD, UTC. */
  readonly date: string;
  /** 0 to 23; null: the verdict is on the whole day. */
  readonly hour: number | null;
  /** @returns whether there was enough data of a view; otherwise a day without a fault is no good day for it */
  counts(view: string): boolean;
  /** Each view and cause once. */
  readonly faults: readonly F[];
}

export interface OpenAlert<F extends DayFault = DayFault> {
  readonly view: string;
  readonly cause: string;
  /** The first of its bad days. */
  readonly since: string;
  /** page: act on it; note: only the settled verdict showed it. */
  readonly level: AlertLevel;
  /** The newest bad day, and what its verdict says. */
  readonly last: { readonly day: AlertDay<F>; readonly fault: F };
}

export type AlertLevel = 'page' | 'note';

const OPENS_AFTER = 2;
const CLOSES_AFTER = 3;

/** @returns `view cause`, by which an alert is known */
export function alertKey({ view, cause }: Pick<DayFault, 'view' | 'cause'>): string {
  return JSON.stringify([view, cause]);
}

/**
 * @param days  in any order; at most one for each day and hour
 * @returns     the open alerts, in the order of their keys
 */
export function openAlerts<F extends DayFault>(days: readonly AlertDay<F>[]): OpenAlert<F>[] {
  const histories = new Map<string, AlertHistory<F>>();
  for (const day of days.toSorted(byTime)) {
    const bad = new Map(day.faults.map((fault) => [alertKey(fault), fault]));
    for (const [key, fault] of bad) {
      const history = histories.get(key) ?? new AlertHistory<F>(fault.view);
      histories.set(key, history);
      if (day.hour === null) history.addBadDay(day, fault);
      else history.addHour(day, fault);
    }
    if (day.hour !== null) continue;
    for (const [key, history] of histories)
      if (!bad.has(key) && day.counts(history.view)) history.addGoodDay();
  }
  const sorted = [...histories].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([, history]) => history.open() ?? []);
}

/** The hours of a day stand before its own verdict. */
function byTime(a: AlertDay, b: AlertDay): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1;
  return (a.hour ?? 24) - (b.hour ?? 24);
}

/** One alert, day after day. */
class AlertHistory<F extends DayFault> {
  readonly view: string;
  #badDays = 0;
  #goodDays = 0;
  #since = '';
  #isOpen = false;
  #isPaged = false;
  #last: { readonly day: AlertDay<F>; readonly fault: F } | null = null;

  constructor(view: string) {
    this.view = view;
  }

  addBadDay(day: AlertDay<F>, fault: F): void {
    if (this.#badDays === 0 && !this.#isOpen) this.#since = day.date;
    this.#badDays += 1;
    this.#take(day, fault, fault.atOnce || this.#badDays >= OPENS_AFTER);
  }

  addHour(day: AlertDay<F>, fault: F): void {
    if (!fault.atOnce) return;
    if (this.#badDays === 0 && !this.#isOpen) this.#since = day.date;
    this.#take(day, fault, true);
  }

  addGoodDay(): void {
    this.#badDays = 0;
    this.#goodDays += 1;
    if (this.#goodDays >= CLOSES_AFTER) this.#isOpen = this.#isPaged = false;
  }

  /** @returns the alert; null: it is closed */
  open(): OpenAlert<F> | null {
    if (!this.#isOpen || this.#last === null) return null;
    const { view, cause } = this.#last.fault;
    const level = this.#isPaged ? 'page' : 'note';
    return { view, cause, since: this.#since, level, last: this.#last };
  }

  #take(day: AlertDay<F>, fault: F, opens: boolean): void {
    this.#goodDays = 0;
    this.#last = { day, fault };
    if (opens) this.#isOpen = true;
    if (this.#isOpen && !fault.isLate) this.#isPaged = true;
  }
}
