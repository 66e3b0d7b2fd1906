/**
 * Labels from before a feature was full: a view's `start` says from when on its source is complete, and a window that
 * begins before it holds fewer events than it says. Such values are kept, since they are what was served then.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { FeatureView, ServiceView } from '../../contract/model.ts';
import { countText } from '../../contract/std/count-text.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { fullFromUs } from '../../contract/windows.ts';
import { LABEL_KEYS } from '../labels/training-labels.ts';

/** How many labels see a feature of a role before it is full. */
export type NotFull = (role: string, feature: string) => number;

/** @param used  the views of a service in their roles */
export async function countNotFull(
  duck: DuckDb,
  used: readonly { readonly used: ServiceView; readonly view: FeatureView }[],
): Promise<{ notFull: NotFull; notes: string[] }> {
  const counts = new Map<string, number>();
  const notes: string[] = [];
  for (const { used: asUsed, view } of used) {
    if (view.startUs === null) continue;
    const fromUs = new Map(view.features.map((feature) => [feature.name, fullFromUs(view, feature)!]));
    const times = [...new Set(fromUs.values())].toSorted((a, b) => a - b);
    const columns = times.map((us, i) => `count_if(t < ${us + view.delayUs})::DOUBLE AS n${i}`);
    const [row] = await duck.rows(`SELECT ${columns.join(', ')} FROM ${LABEL_KEYS}`);
    const labels = new Map(times.map((us, i) => [us, row![`n${i}`] as number]));
    for (const [name, us] of fromUs) counts.set(`${asUsed.role} ${name}`, labels.get(us)!);
    const last = times.at(-1)!;
    const most = labels.get(last)!;
    if (most === 0) continue;
    const when = `its source is complete from ${formatTimestamp(view.startUs)}, its last feature full from ${formatTimestamp(last)}`;
    notes.push(`${countText(most, 'label')} see ${asUsed.role} before it is full: ${when}.`);
  }
  return { notFull: (role, feature) => counts.get(`${role} ${feature}`) ?? 0, notes };
}
