/**
 * How far apart the values of a feature are in training: what a difference is measured by (incidents/harm.ts). Where
 * there is no training set, the day's own replayed values say it (replay/replayed-spreads.ts).
 */
import type { RegistryDatabase } from '../../project/database/registry-database.ts';

/**
 * @returns by full name the standard deviation in the newest training set, of times that of their ages in microseconds;
 *          only of features that have one
 */
export async function trainedSpreads(
  database: RegistryDatabase,
  service: string,
  madeBeforeUs: number,
): Promise<Map<string, number>> {
  const [manifest] = await database.trainingSets({ service, madeBeforeUs, most: 1 });
  const features = manifest?.features ?? [];
  return new Map(
    features.flatMap(({ name, sketch }) => {
      const { measure, standardDeviation = null } = sketch?.ordered ?? {};
      const unit = { value: 1, age: 1e6, length: null, norm: null }[measure ?? 'norm'];
      return unit === null || standardDeviation === null || !(standardDeviation > 0)
        ? []
        : [[name, standardDeviation * unit] as const];
    }),
  );
}
