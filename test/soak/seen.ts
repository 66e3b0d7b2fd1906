/** What was seen of a soak from outside: what clients got, what the sidecars' metrics said, what the archive holds. */
import type { Answer } from './soak-load.ts';
import type { Scrape } from './scrapes.ts';

/** Of the archive, by the second in which they were served. */
export interface ArchivedSecond {
  readonly second: number;
  /** Rows of views that were UNAVAILABLE, and that an older row stood in for. */
  readonly unavailable: number;
  readonly stale: number;
}

export interface Seen {
  readonly answers: readonly Answer[];
  readonly scrapes: readonly Scrape[];
  readonly archived: readonly ArchivedSecond[];
}

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is seen a little after a fault is its doing, too. */
const AFTER_MS = 5_000;

/** @returns rows that were UNAVAILABLE or old in a time */
export function lackedRows(
  { archived }: Seen,
  { fromMs, toMs }: Span,
): { unavailable: number; stale: number } {
  const own = archived.filter(
    ({ second }) => second * 1_000 >= fromMs - 1_000 && second * 1_000 <= toMs + AFTER_MS,
  );
  const sum = (of: (one: ArchivedSecond) => number): number => own.reduce((all, one) => all + of(one), 0);
  return { unavailable: sum((one) => one.unavailable), stale: sum((one) => one.stale) };
}

/** @returns answers in a time that were refused with a code */
export function refused({ answers }: Seen, { fromMs, toMs }: Span, code: RegExp): number {
  return answers.filter(({ error, endMs }) => endMs >= fromMs && endMs <= toMs + AFTER_MS && code.test(error))
    .length;
}

/** @returns the largest value of a metric in a time; 0: it was not there */
export function highest({ scrapes }: Seen, { fromMs, toMs }: Span, metric: string): number {
  const own = scrapes.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs + AFTER_MS);
  return Math.max(0, ...own.map(({ values }) => values.get(metric) ?? 0));
}

/** @returns by how much a counter grew in a time, over all pods */
export function grew({ scrapes }: Seen, { fromMs, toMs }: Span, metric: string): number {
  const own = scrapes.filter(({ atMs }) => atMs >= fromMs - AFTER_MS && atMs <= toMs + AFTER_MS);
  const starts = Map.groupBy(own, ({ pid }) => pid);
  return [...starts.values()].reduce((sum, of) => {
    const values = of.map(({ values: all }) => all.get(metric) ?? 0);
    return sum + values.at(-1)! - values[0]!;
  }, 0);
}
