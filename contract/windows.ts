/**
 * The arithmetic of hops and edges: which edge is due at a time. Pure, no clock.
 *
 *   events   ...|  e1  x x  |  x        |...        an event at t enters at the first edge after it: floor(t / hop) + 1
 *   edges       0           1           2           and leaves `window / hop` edges later
 *
 * The materializer computes by it, serving and the monitor tell by it which row they should have seen. An edge has
 * two forms: its index (a count of hops since 1970) and its time in microseconds, index * hop.
 */
import type { Feature, FeatureView } from './model.ts';

/** @returns the index of the last edge at or before a time */
export function edgeAt(us: number, hopUs: number): number {
  return Math.floor(us / hopUs);
}

/** @returns the time of the newest edge that every join sees at `us`: the greatest e with e + delay <= us */
export function dueEdgeUs(us: number, view: Pick<FeatureView, 'hopUs' | 'delayUs'>): number {
  return edgeAt(us - view.delayUs, view.hopUs) * view.hopUs;
}

/** @returns a feature's window in hops, or null for a lifetime and for a session */
export function windowHops(view: Pick<FeatureView, 'hopUs'>, feature: Feature): number | null {
  const windowUs = feature.aggregation?.windowUs ?? null;
  return windowUs === null ? null : windowUs / view.hopUs;
}

/** @returns the gap that ends a feature's session in hops, or null where it has no sessions */
export function sessionHops(view: Pick<FeatureView, 'hopUs'>, feature: Feature): number | null {
  const sessionUs = feature.aggregation?.sessionUs ?? null;
  return sessionUs === null ? null : sessionUs / view.hopUs;
}

/**
 * @returns the time from which a feature's value covers all that it says: of an aggregated view the first edge with a
 *          whole window after the view's start (lifetime: the first edge after that). null: nobody says when it starts
 */
export function fullFromUs(
  view: Pick<FeatureView, 'startUs' | 'hopUs'>,
  { aggregation }: Pick<Feature, 'aggregation'>,
): number | null {
  if (view.startUs === null || aggregation === null) return view.startUs;
  const us = view.startUs + (aggregation.windowUs ?? aggregation.sessionUs ?? 0);
  return Math.ceil(us / view.hopUs) * view.hopUs;
}

/** @returns how old an aggregated view's watermark may be: past it its values are withheld, since windows run empty */
export function watermarkLimitUs({ freshnessUs }: Pick<FeatureView, 'freshnessUs'>): number {
  return 2 * freshnessUs;
}
