/** Compares a snapshot with the last verdict of the same service. Pure; `changes-section.ts` draws the result. */
import type { FeatureSnapshot, Snapshot, TrendPoint } from '../../verdict/snapshot.ts';

/** The smallest fall of the match within the promise that is reported: half a row in a thousand. */
const PROMISE_STEP = 0.0005;
/** The same for exact match: ten times as much, since every late event moves it. */
const EXACT_STEP = 0.005;

export interface FeatureChange {
  readonly feature: FeatureSnapshot;
  readonly withinBefore: number | null;
  readonly exactBefore: number | null;
  /** How far each of the two match rates rose or fell; 0 when one side is null. */
  readonly withinStep: number;
  readonly exactStep: number;
}

export interface Changes {
  readonly since: TrendPoint;
  /** Whether the earlier verdict is of the day before. */
  readonly yesterday: boolean;
  readonly worse: readonly FeatureChange[];
  readonly better: readonly FeatureChange[];
  readonly added: readonly string[];
  readonly gone: readonly string[];
}

/** @returns null when there is no earlier verdict */
export function changesOf(snapshot: Snapshot): Changes | null {
  const since = snapshot.trend.at(-1);
  if (since === undefined) return null;
  const changes = snapshot.features.map((feature) => changeOf(feature, since));
  const names = new Set(snapshot.features.map((feature) => feature.name));
  return {
    since,
    yesterday: Date.parse(snapshot.date) - Date.parse(since.date) === 86_400_000,
    worse: changes
      .filter(({ withinStep, exactStep }) => withinStep <= -PROMISE_STEP || exactStep <= -EXACT_STEP)
      .toSorted((a, b) => a.withinStep - b.withinStep || a.exactStep - b.exactStep),
    better: changes
      .filter(({ withinStep, exactStep }) => withinStep >= PROMISE_STEP && exactStep > -EXACT_STEP)
      .toSorted((a, b) => b.withinStep - a.withinStep),
    added: [...names].filter((name) => !(name in since.exactMatch)),
    gone: Object.keys(since.exactMatch).filter((name) => !names.has(name)),
  };
}

function changeOf(feature: FeatureSnapshot, since: TrendPoint): FeatureChange {
  const withinBefore = since.exactMatchWithinPromise[feature.name] ?? null;
  const exactBefore = since.exactMatch[feature.name] ?? null;
  return {
    feature,
    withinBefore,
    exactBefore,
    withinStep: step(withinBefore, feature.exactMatchWithinPromise),
    exactStep: step(exactBefore, feature.exactMatch),
  };
}

function step(before: number | null, now: number | null): number {
  return before === null || now === null ? 0 : now - before;
}
