/**
 * What a verdict of alert or alarm found at fault, by view and cause: the names under which it stays the same from day
 * to day, where its numbers do not. Pure.
 */
import { incidentBehind } from './findings.ts';
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
export function faultsOf(snapshot: Pick<Snapshot, 'findings' | 'incidents'>): SnapshotFault[] {
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

/** The causes that made a finding, with the worst incident of each; else its own name. */
function causesOf(
  finding: Finding,
  { incidents }: Pick<Snapshot, 'incidents'>,
): [cause: string, incident: Incident | null][] {
  const { cause: named, causes = [] } = finding;
  if (causes.length === 0) return [[named ?? 'verdict', null]];
  return causes.map((cause) => [cause, incidentBehind(finding, cause, incidents) ?? null]);
}
