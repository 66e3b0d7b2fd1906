/**
 * What each cause means and what to do about it, in words for the report's reader. The order of evidence is in
 * contract/cause.ts.
 */
import type { Cause } from '../../contract/cause.ts';

/**
 * Causes of one kind share a colour, since sixteen colours cannot be told apart: `timing` (the row came too soon or too
 * late), `lost` (there was no row), `changed` (the same row, read or written differently), `history` (the past was
 * changed).
 */
type CauseFamily = 'unexplained' | 'timing' | 'lost' | 'changed' | 'history';

interface CauseGuide {
  readonly family: CauseFamily;
  readonly means: string;
  readonly next: string;
}

export const CAUSE_GUIDE: Readonly<Record<Cause, CauseGuide>> = {
  unavailable: {
    family: 'lost',
    means: 'The online store failed, or its marker was missing, and nothing fresh enough was cached.',
    next: 'Look at the store’s health and the sidecar’s read errors at the times of the examples.',
  },
  'answer altered': {
    family: 'changed',
    means: 'The bytes that were answered differ from the row that was logged beside them.',
    next: 'Treat it as a defect of the sidecar: keep the request ids of the examples and report them.',
  },
  'on-demand differs': {
    family: 'changed',
    means: 'The function gave another output over the very inputs that were logged.',
    next: 'Compare the bundle that served with today’s, and look for a clock or randomness in the function.',
  },
  'foreign row': {
    family: 'changed',
    means:
      'The served row is none of this entity’s: it has the values of another entity, or of nobody that the history knows.',
    next: 'Stop the writer that mixes entities up: look for rows keyed by the wrong id, then write the view again with `plumb materialize --full --replace`.',
  },
  'null or default substituted': {
    family: 'changed',
    means:
      'The same row, but one side has null or NaN where the other has zero, false, nothing, infinity or the fallback.',
    next: 'Find the writer that puts a zero for “unknown” and let it write null; declare a fallback as `missing` instead.',
  },
  'precision / type': {
    family: 'changed',
    means: 'The same row and the same value, but for rounding or a conversion to another type.',
    next: 'Give the value one type on both sides, or set a tolerance for the feature.',
  },
  'changed in place': {
    family: 'changed',
    means: 'The same row, whose value in the history was another one in an earlier commit.',
    next: 'Ask the view’s owner who rewrote the history; rows there are added, never changed.',
  },
  'missing in history': {
    family: 'lost',
    means: 'The served entity has no row in the history.',
    next: 'Find out who writes to the online store beside the materializer, or whether history files were removed.',
  },
  unexplained: {
    family: 'unexplained',
    means: 'The same row with another value, and no known way leads from one to the other.',
    next: 'Start here: `plumb explain --request ID` shows the row of an example beside the rows of the history.',
  },
  'definition changed': {
    family: 'changed',
    means:
      'The served row was written under another definition than the replayed one, and is what that definition gives.',
    next: 'Run `plumb materialize` for the view, unless a run under its new definition has ended since: that one has written all rows again. Or pin the service to the old version.',
  },
  'clock skew': {
    family: 'timing',
    means:
      'The pod’s clock was stepped; by the time that it should have shown, the served row is the right one.',
    next: 'Synchronise the pod’s node (NTP), and look at what stepped its clock.',
  },
  'cache age': {
    family: 'timing',
    means:
      'The sidecar answered from its cache, and a newer row had been written since it was read. A stale row, served while the store was down, counts here too.',
    next: 'Within the promise this is by design; shorten the cache’s freshness time only if the model needs it.',
  },
  'materialization lag': {
    family: 'timing',
    means: 'The row was due when the vector was served, but the run that writes it had not finished.',
    next: 'Find the late run in the hours of its view; run the view sooner or more often. Only if it is always that late, train with the proposed delay.',
  },
  'TTL boundary': {
    family: 'timing',
    means:
      'There is a row on both sides, but one counted as too old: past the TTL of a stored view, or of an aggregated view ' +
      'that was complete only up to longer ago than twice its freshness.',
    next: 'Look for a late run in the hours of its view; of a stored view compare the TTL with how often its source is refreshed.',
  },
  'missing online': {
    family: 'lost',
    means:
      'The run had finished before the read, yet the store had no row or an older one: a write was lost. In a stored ' +
      'view the row’s file may also have landed after the run had read the source.',
    next: 'Look for evictions (`evicted_keys` of Redis) and failovers, and when the file landed; then write the view again with `plumb materialize --full`.',
  },
  'late arrival': {
    family: 'history',
    means:
      'The row became known only after the vector was served: events came late and an ordinary run added them.',
    next: 'Expected at a low rate; if there are many, ask the source’s owner why, or set a delay so that training waits too.',
  },
  'rewritten history': {
    family: 'history',
    means: 'The row was written anew after the vector was served, by a backfill or over the same event time.',
    next: 'Ask the view’s owner what the backfill changed, and whether models should be trained again on it.',
  },
  'served ahead': {
    family: 'timing',
    means:
      'The served row is newer than the one training sees: the view’s delay is longer than serving needs, or two clocks differ.',
    next: 'Where the evidence names clocks, synchronise them; else lower the view’s delay to the one proposed in the table of views, if that is shorter; a longer one only makes more rows ahead.',
  },
  duplicate: {
    family: 'history',
    means:
      'The history has two rows of the same times with other values: serving had one, training takes the other.',
    next: 'Ask the source’s owner for one row an entity and time, or for a created time that tells which is newer.',
  },
  'not proved': {
    family: 'unexplained',
    means: 'The served row is true, but no record tells why serving had it and not the newer one.',
    next: 'Read in the evidence which record is missing: created times in the source, or the record of a run.',
  },
};
