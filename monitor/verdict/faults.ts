/**
 * What a verdict of alert or alarm found at fault, by view and cause: the names under which it stays the same from day
 * to day, where its numbers do not. Pure.
 */
import type { Finding, Incident, Snapshot } from './snapshot.ts';

/** A view and a cause of one verdict. */
export interface SnapshotFault {
  /** The view's id; empty: the fault is of no single view. */
  readonly view: string;
  readonly cause: string;
  /** Whether it makes the verdict an alarm: to act on at once. */
  readonly atOnce: boolean;
  readonly finding: Finding;
  /** null: there is none of this view and cause. */
  readonly incident: Incident | null;
}

/** @returns each view and cause once, in the order of the findings */
export function faultsOf(snapshot: Pick<Snapshot, 'findings' | 'incidents' | 'features'>): SnapshotFault[] {
  const faults = new Map<string, SnapshotFault>();
  for (const finding of snapshot.findings) {
    if (finding.verdict === 'not-enough-data') continue;
    for (const [cause, incident] of causesOf(finding, snapshot)) {
      const view = finding.view ?? '';
      const key = JSON.stringify([view, cause]);
      const atOnce = finding.verdict === 'alarm';
      const before = faults.get(key);
      if (before === undefined) faults.set(key, { view, cause, atOnce, finding, incident });
      else if (atOnce && !before.atOnce) faults.set(key, { ...before, atOnce });
    }
  }
  return [...faults.values()];
}

/** The causes behind a finding: those of its feature's incidents, else of its mismatches, else its own name. */
function causesOf(
  finding: Finding,
  { incidents, features }: Pick<Snapshot, 'incidents' | 'features'>,
): [cause: string, incident: Incident | null][] {
  const { feature: name, view, cause: named } = finding;
  if (name === null) {
    const known = incidents.find((one) => one.view === view && one.cause === named);
    return [[named ?? 'verdict', known ?? null]];
  }
  const own = incidents.filter((one) => {
    return one.view === view && one.beyondPromise > 0 && one.features.includes(name);
  });
  if (own.length > 0) return own.map((incident) => [incident.cause, incident]);
  const { causes = {} } = features.find((feature) => feature.name === name) ?? {};
  const [worst] = Object.entries(causes)
    .filter(([, { beyondPromise }]) => beyondPromise > 0)
    .toSorted(([, a], [, b]) => b.beyondPromise - a.beyondPromise);
  return [[worst?.[0] ?? named ?? 'verdict', null]];
}
