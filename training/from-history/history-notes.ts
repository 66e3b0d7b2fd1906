/** What the reader of a training set should know about it, one sentence each. */
import { badRowsText, countBadRows } from '../../project/engine/duckdb/bad-rows.ts';
import { countText } from '../../contract/std/count-text.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { trainingError } from '../errors.ts';
import { hasCreatedTime } from './view-join.ts';
import type { JoinedView, TrainingSet } from './view-join.ts';

export function notesOf(
  { labels, mode }: TrainingSet,
  timeColumn: string,
  joined: readonly JoinedView[],
): string[] {
  const notes = unjudgedNotes(joined);
  const [noTime, noKey] = [labels.rowsWithoutTime, labels.rowsWithNullKey];
  if (noTime > 0) notes.push(`${labelsHave(noTime)} no ${timeColumn} and got no feature values.`);
  if (noKey > 0) notes.push(`${labelsHave(noKey)} a null join key, which matches no entity.`);
  if (mode === 'available') {
    for (const { view } of joined) {
      if (!hasCreatedTime(view))
        notes.push(`${view.id} has no created times: "as available" is the same as "as trained" there.`);
    }
  }
  return notes;
}

/** @throws TRAIN_UNJUDGED where a label is */
export function refuseUnjudged(joined: readonly JoinedView[]): void {
  const notes = unjudgedNotes(joined);
  if (notes.length > 0) throw trainingError('TRAIN_UNJUDGED', notes.join(' '));
}

/** What the history of each view holds and training does not take. */
export async function badRowNotes({ duck, settings, bundle, service }: TrainingSet): Promise<string[]> {
  const notes: string[] = [];
  for (const id of new Set(service.views.map((used) => used.view))) {
    const view = bundle.views.get(id)!;
    const entity = bundle.entities.get(view.entity)!;
    const text = badRowsText(view, await countBadRows(duck, settings, view, entity));
    if (text !== null) notes.push(text);
  }
  return notes;
}

/** One sentence for each view that could not tell yet what some labels should get. */
function unjudgedNotes(joined: readonly JoinedView[]): string[] {
  return joined.flatMap(({ used, unjudged, watermarkUs, isChanged }) => {
    if (unjudged === 0) return [];
    // Whether no run has written it yet, or it was lost, the runs' records tell.
    const none = isChanged
      ? 'was not materialized since its definition changed'
      : 'is not there (`plumb materialize` makes it; where it was there before, `plumb doctor` says so)';
    const until =
      watermarkUs === null ? none : `is complete up to its watermark ${formatTimestamp(watermarkUs)}`;
    return [
      `${unjudged} ${unjudged === 1 ? 'label is' : 'labels are'} unjudged: the history of ${used.role} ${until}; ` +
        'they got null for its features.',
    ];
  });
}

function labelsHave(count: number): string {
  return `${countText(count, 'label')} ${count === 1 ? 'has' : 'have'}`;
}
