/** Sentences on how the as-of rule chose among an entity's rows, and on what no record tells. Pure. */
import type { FeatureView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { dueEdgeUs } from '../../contract/windows.ts';
import { goneText, timeText } from '../causes/evidence-text.ts';
import type { RowFacts } from '../causes/facts.ts';
import type { EntityRow } from './entity-rows.ts';
import { isUnjudged } from './explained-feature.ts';
import type { FoundRow, ReplayedRows } from './row-facts.ts';

interface RuleFacts {
  readonly view: FeatureView;
  readonly atUs: number;
  /** How many rows the entity has, and how many of them count. */
  readonly count: number;
  readonly visible: number;
  readonly replayed: ReplayedRows;
  readonly hasCreatedTimes: boolean;
  readonly watermarkUs: number | null;
  /** Whether its history can be read with the keys that the view had then. */
  readonly isKnown: boolean;
}

export function ruleSentences(facts: RuleFacts): string[] {
  const { view, atUs, count, replayed, hasCreatedTimes, watermarkUs, isKnown } = facts;
  const at = timeText(atUs, atUs);
  const delay = view.delayUs === 0 ? 'event time' : `event time + delay of ${formatDuration(view.delayUs)}`;
  const sentences: string[] = [];
  if (view.kind === 'aggregated') {
    const due = timeText(dueEdgeUs(atUs, view), atUs);
    sentences.push(`The edge of ${due} was due at ${at} (a hop of ${formatDuration(view.hopUs)}).`);
  }
  if (!isKnown) return sentences;
  sentences.push(
    count === 0
      ? 'The history has no row of this entity: training sees none.'
      : `As trained: ${visibleText(facts)} at ${at}, by ${delay}; ${chosen(replayed.trained, view, atUs)}.`,
  );
  if (count > 0 && hasCreatedTimes) {
    const same = replayed.available?.row === replayed.trained?.row;
    sentences.push(
      same
        ? `As available: the same, from the rows that had been written by ${at}.`
        : `As available: of the rows that had been written by ${at}, ${chosen(replayed.available, view, atUs)}.`,
    );
  }
  if (isUnjudged(view, atUs, watermarkUs)) {
    const reach =
      watermarkUs === null ? 'is not computed yet' : `is complete up to ${timeText(watermarkUs, atUs)} only`;
    sentences.push(
      `The history ${reach}: what training will see is not known before the edge that was due is there.`,
    );
  }
  return sentences;
}

function visibleText({ count: all, visible }: RuleFacts): string {
  if (all === 1)
    return visible === 1 ? "the entity's only row counts" : "the entity's only row does not count";
  if (visible === 0) return `none of the entity's ${all} rows counts`;
  if (visible === all) return `all ${all} rows of the entity count`;
  return `${visible} of the entity's ${all} rows ${visible === 1 ? 'counts' : 'count'}`;
}

function chosen(found: FoundRow | null, view: FeatureView, atUs: number): string {
  if (found === null) return 'there is none';
  const { eventUs, createdUs, deleted } = found.row;
  const created = createdUs === null ? '' : `, written at ${timeText(createdUs, atUs)}`;
  const row = `the newest is that of ${timeText(eventUs, atUs)}${created}`;
  if (deleted) return `${row}, a tombstone: ${goneText(view)}, so the entity has no row`;
  if (!found.outsideTtl) return row;
  return `${row}, older than the TTL of ${formatDuration(view.ttlUs!)}: its values are withheld`;
}

interface UnknownFacts {
  readonly view: FeatureView;
  readonly runs: readonly RunRecord[];
  readonly rows: readonly EntityRow[];
  readonly facts: RowFacts;
  readonly hasCreatedTimes: boolean;
  readonly isCut: boolean;
  readonly isKnown: boolean;
  readonly isUndecoded: boolean;
}

export function unknownSentences(known: UnknownFacts): string[] {
  const { view, runs, rows, facts, hasCreatedTimes, isCut, isKnown, isUndecoded } = known;
  const sentences: string[] = [];
  if (isUndecoded) {
    sentences.push(
      'The served row cannot be decoded: it is damaged, or the bundles folder lacks the definition that wrote it.',
    );
  }
  if (!isKnown) {
    sentences.push(
      'The view had other join keys under the definition that served: its rows cannot be compared.',
    );
  }
  if (!hasCreatedTimes) {
    sentences.push(
      'The source has no created times: when a row came in, and what was available, is not known.',
    );
  }
  if (isCut)
    sentences.push('The entity has more rows than are read here: the oldest and the newest are left out.');
  if (runs.length === 0) sentences.push('No run of this view is recorded.');
  else if (view.kind === 'aggregated' && rows.length > 0) {
    sentences.push('Runs count events of all entities; which events made this row is not recorded.');
  }
  const id = facts.replayed?.runId ?? null;
  if (id !== null && !runs.some(({ runId }) => runId === id)) {
    sentences.push(`Run ${id}, which made the row as trained, is not in the registry.`);
  }
  return sentences;
}
