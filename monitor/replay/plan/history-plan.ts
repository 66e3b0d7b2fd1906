/**
 * Which rows of a role's history are laid out, and how the vectors of each bundle and secret are read of them. Nothing
 * is read yet: the SQL is that of the engine that reads the history. Called by role-replay.ts.
 */
import { hasHistory } from '../../../contract/model.ts';
import type { Entity, Feature, FeatureService, FeatureView } from '../../../contract/model.ts';
import type { HmacKey } from '../../../contract/log-privacy.ts';
import type { DefinedView, ServedHistory } from '../../judge/served-history.ts';
import type { DayOfService } from '../../day/day-of-log.ts';
import { countedAlike, markedReading } from '../marked-values.ts';
import type { MarkedReading } from '../marked-values.ts';
import type { BundleReading } from '../row-split.ts';
import type { DayOfHistory } from '../rows-in-force.ts';
import type { HashedBy } from '../served-files.ts';

export interface PlannedRole {
  /** The vectors of the day. */
  readonly served: Pick<DayOfService, 'firstUs' | 'lastUs'>;
  /** The view in the bundle in force, and its entity. */
  readonly view: FeatureView;
  readonly entity: Entity;
  /** What the service takes from it, in the service's order. */
  readonly features: readonly { readonly fullName: string }[];
  /** All that the rows have: what the service takes first, in its order. */
  readonly compared: readonly Feature[];
  readonly history: ServedHistory;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
  /** @returns the service as a bundle that vectors of the day name has it */
  serviceOf(bundle: string): FeatureService;
  /** @returns the view in a bundle that vectors of the day name */
  definedBy(bundle: string): DefinedView;
  /** Time up to which the history is complete under a bundle's definition; null: nowhere. For aggregated views. */
  historyWatermarkUs(bundle: string): number | null;
}

export interface HistoryPlan {
  /** One for each definition whose rows are laid out. */
  readonly days: readonly Omit<DayOfHistory, 'entities'>[];
  /** How the vectors of each bundle and secret are read of these rows. */
  readonly readings: readonly BundleReading[];
}

/** Vectors of one bundle and secret, and how they are read. */
export type MarkedKind = HashedBy & MarkedReading & { readonly vectors: number };

/** Rows of a stored view's history have no definition id: there is one history, whoever served. */
const ONE_HISTORY = 0;

/** @returns what of the day's vectors can be compared in SQL: what is counted of their values is the same of all */
export function readingKinds(
  role: PlannedRole,
  kinds: readonly (HashedBy & { readonly vectors: number })[],
): readonly MarkedKind[] {
  return countedAlike(kinds.flatMap((kind) => readingOf(role, kind) ?? []));
}

/** @returns null: the service then took other features than now, or they were others */
function readingOf(role: PlannedRole, kind: HashedBy & { readonly vectors: number }): MarkedKind | null {
  const { compared, features, hmacKey } = role;
  const then = new Set(role.serviceOf(kind.bundle).features.map(({ fullName }) => fullName));
  if (features.some(({ fullName }) => !then.has(fullName))) return null;
  const marked = { features: compared, taken: features.length, hmacKey };
  const reading = markedReading(marked, role.definedBy(kind.bundle).view.features, kind.hmacKey);
  return reading === null ? null : { ...kind, ...reading };
}

/** @param kinds  what can be compared in SQL */
export async function planHistory(role: PlannedRole, kinds: readonly MarkedKind[]): Promise<HistoryPlan> {
  const { served, view, entity, history, compared } = role;
  if (kinds.length === 0) return { days: [], readings: [] };
  const { nanos } = await history.ofToday();
  const defined = new Map(kinds.map(({ bundle }) => [bundle, role.definedBy(bundle)]));
  const delays = [...defined.values()].map((one) => one.view.delayUs);
  const counted = kinds[0]!.counted.flatMap((how, i) => (how === 'withheld' ? [] : i));
  const days = new Map<number, HistoryPlan['days'][number]>();
  const readings: BundleReading[] = [];
  for (const [bundle, one] of defined) {
    const { definitionId } = one.view;
    const rowsOf = view.kind === 'stored' ? ONE_HISTORY : definitionId;
    const sql = await history.of(one, { ...served, delayUs: Math.max(...delays) });
    if (sql === null) continue;
    if (!days.has(rowsOf))
      days.set(rowsOf, {
        sql,
        nanos,
        tombstones: hasHistory(view),
        definition: rowsOf,
        keys: entity.joinKeys,
        features: compared,
        counted,
        fromUs: served.firstUs - Math.max(...delays),
        toUs: served.lastUs - Math.min(...delays),
      });
    const { kind, delayUs, hopUs, ttlUs } = one.view;
    const completeUs = hasHistory(one.view) ? role.historyWatermarkUs(bundle) : null;
    const reading = { kind, delayUs, hopUs, ttlUs, definitionId, rowsOf, completeUs };
    const own = kinds.filter((other) => other.bundle === bundle);
    for (const { hmacKey, compared: places, digests, withheld } of own)
      readings.push({ bundle, hmacKey, ...reading, compared: places, digests, withheld });
  }
  return { days: [...days.values()], readings };
}
