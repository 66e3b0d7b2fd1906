/** Which features a run computes: all of its view, or those that a backfill names. */
import { definitionIdOf } from '../../contract/definitions/definition-json.ts';
import type { FeatureView, JoinKey, RowSchema } from '../../contract/model.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { materializerError } from '../errors.ts';

/** How often a view may return to a definition; more often it counts as one of its own. */
const RETURNS = 64;

/**
 * @param schemas  of the view, in the order applied, today's last
 * @returns        the features that the last apply added, where it changed nothing else of the rows; else null
 */
export function gainedFeatures(view: FeatureView, schemas: readonly RowSchema[]): string[] | null {
  const before = schemas.at(-2);
  if (before === undefined) return null;
  const known = new Set(before.features.map(({ name }) => name));
  const gained = view.features.map(({ name }) => name).filter((name) => !known.has(name));
  const rest = { ...view, features: view.features.filter(({ name }) => known.has(name)) };
  const isBefore = isDefinition(rest, schemas.at(-1)!.joinKeys, before.definitionId);
  return gained.length > 0 && isBefore ? gained : null;
}

/** @returns whether a view has, or had, that definition id: each return to a definition gives it another */
export function isDefinition(
  view: FeatureView,
  joinKeys: readonly JoinKey[],
  id: number | undefined,
): boolean {
  for (let returns = 0; returns <= RETURNS; returns++)
    if (definitionIdOf(view, joinKeys, returns) === id) return true;
  return false;
}

/** @throws MAT_FEATURE when the view has no such feature, or none that it could be computed beside */
export function checkFeatures(view: FeatureView, names: readonly string[]): void {
  const known = view.features.map(({ name }) => name);
  for (const name of names) {
    if (known.includes(name)) continue;
    const hint = didYouMean(name, known) || `; it has ${known.join(', ')}`;
    throw materializerError('MAT_FEATURE', `${view.id} has no feature ${name}${hint}`, { field: 'feature' });
  }
  if (view.kind !== 'aggregated')
    throw materializerError(
      'MAT_FEATURE',
      `${view.id} is no aggregated view: its rows are computed elsewhere, and each run brings all features of a row`,
      { field: 'feature' },
    );
}
