/**
 * Holds the verdict against what was done: each fault of the data is named by view and cause, and nothing beyond the
 * promise is named that was not done. Pure.
 */
import type { Cause } from '../../contract/cause.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { Happened } from './faults/fault.ts';

/** What counts here of a verdict's incident, or of one second of it. */
export interface NamedIncident {
  readonly view: string;
  readonly cause: Cause;
  readonly beyondPromise: number;
  /** When the first and the last of its values beyond the promise were served. */
  readonly fromMs: number;
  readonly toMs: number;
}

interface LateSpan {
  readonly view: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface JudgedFaults {
  /** What the verdict says of each fault of the data, in their order; null: it does not name it. */
  readonly named: ReadonlyMap<Happened, string | null>;
  /** Runs that were late by themselves, as busy machines make them, and were named as such. */
  readonly lateByThemselves: readonly NamedIncident[];
  /** What the verdict names and nobody did. */
  readonly unexpected: readonly NamedIncident[];
}

/** Clocks of processes, a cached row, the time that a fault takes to work. */
const SLACK_MS = 4_000;
const LAG = 'materialization lag';
/** A view that is so late that its rows are withheld lacks them by its TTL. */
const LATE_CAUSES: ReadonlySet<Cause> = new Set([LAG, 'TTL boundary', 'cache age']);

/**
 * @param incidents  of the day: one of a view and cause, however often it came again
 * @param seconds    of these incidents: each fault must have values of its own
 * @param late       when rows that a view's runs owed were older than promised
 */
export function judgeFaults(
  happened: readonly Happened[],
  incidents: readonly NamedIncident[],
  seconds: readonly NamedIncident[],
  late: readonly LateSpan[],
): JudgedFaults {
  const beyond = incidents.filter(({ beyondPromise }) => beyondPromise > 0);
  const named = new Map<Happened, string | null>();
  const explained = new Set<NamedIncident>();
  for (const one of happened) {
    const { expects } = one;
    if (expects === undefined) continue;
    const own = beyond.filter((incident) => isOf(incident, one));
    for (const incident of own) explained.add(incident);
    const isNamed = own.some(({ cause }) => cause === expects.cause);
    const values = seconds.filter((second) => second.cause === expects.cause && isOf(second, one));
    named.set(one, isNamed && values.length > 0 ? textOf(values) : null);
  }
  const isLate = (incident: NamedIncident): boolean =>
    LATE_CAUSES.has(incident.cause) &&
    late.some((span) => span.view === incident.view && overlaps(incident, span, SLACK_MS));
  const rest = beyond.filter((incident) => !explained.has(incident));
  return { named, lateByThemselves: rest.filter(isLate), unexpected: rest.filter((one) => !isLate(one)) };
}

function isOf(incident: NamedIncident, happened: Happened): boolean {
  const { view, cause, beside = [], clockAheadMs = 0 } = happened.expects!;
  if (view !== null && view !== incident.view) return false;
  if (cause !== incident.cause && !beside.includes(incident.cause)) return false;
  return overlaps(incident, happened, SLACK_MS + Math.abs(clockAheadMs));
}

function overlaps(
  a: { readonly fromMs: number; readonly toMs: number },
  b: { readonly fromMs: number; readonly toMs: number },
  slackMs: number,
): boolean {
  return a.fromMs <= b.toMs + slackMs && a.toMs >= b.fromMs - slackMs;
}

/** @param values  of one cause */
function textOf(values: readonly NamedIncident[]): string {
  const views = [...Map.groupBy(values, ({ view }) => view)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const told = views.map(([view, own]) => {
    const count = own.reduce((sum, { beyondPromise }) => sum + beyondPromise, 0);
    return `${own[0]!.cause}: ${count.toLocaleString('en')} values of ${view}`;
  });
  return told.join(', ');
}

/**
 * When a view was past its promise: from the freshness after a run's watermark until the next run had brought its rows.
 *
 * @param runs  complete ones, of all views, oldest first
 */
export function lateSpans(runs: readonly RunRecord[], freshnessMs: number, cacheMs: number): LateSpan[] {
  return [...Map.groupBy(runs, ({ view }) => view)].flatMap(([view, own]) =>
    own.slice(1).flatMap((run, i) => {
      const fromMs = own[i]!.watermarkUs / 1_000 + freshnessMs;
      const toMs = run.finishedUs! / 1_000 + cacheMs;
      return fromMs < toMs ? [{ view, fromMs, toMs }] : [];
    }),
  );
}
