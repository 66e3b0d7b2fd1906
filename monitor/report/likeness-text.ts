/** What unexplained values look like, in one sentence for page and terminal. Never a proof. */
import type { LooksLike } from '../likeness/likeness.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import type { Incident, Snapshot } from '../verdict/snapshot.ts';

/** @returns null: nothing is shown */
export function likenessText(looksLike: readonly LooksLike[] | undefined): string | null {
  if (looksLike === undefined || looksLike.length === 0) return null;
  const shapes = looksLike.map(
    ({ shape, share, rows, shuffled }) =>
      `${shape} in ${percentText(share)} of ${rows} rows (${percentText(shuffled)} of the same rows shuffled)`,
  );
  return `Looks like ${shapes.join('; or ')}. This is no proof.`;
}

/** @returns what values of an unexplained incident look like, that of the feature with the most harm; null: nothing */
export function likenessOfIncident(
  { features }: Pick<Snapshot, 'features'>,
  { cause, features: names }: Pick<Incident, 'cause' | 'features'>,
): string | null {
  if (cause !== 'unexplained') return null;
  for (const name of names) {
    const text = likenessText(features.find((feature) => feature.name === name)?.looksLike);
    if (text !== null) return names.length === 1 ? text : `${name}: ${text}`;
  }
  return null;
}
