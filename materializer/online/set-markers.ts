/** The markers of runs that share a view's rows: they move when the last of the set is complete. */
import type { RunRecord } from '../../contract/run-record.ts';
import { completeParts } from '../../contract/run-set.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { OnlineWriter } from './online-writer.ts';

/**
 * To be called once the run's own record says `complete`: of several that end at once each sees all of them, and they
 * say the same.
 */
export async function moveMarkersOfSet(
  database: RegistryDatabase,
  writer: Pick<OnlineWriter, 'readMarkers' | 'writeMarkers'>,
  { view, shard, watermarkUs }: RunRecord,
): Promise<void> {
  const parts = (await database.runParts({ view })).filter((run) => run.shard?.set === shard!.set);
  if (completeParts(parts).size < shard!.count) return;
  const { watermarksUs } = await writer.readMarkers(view);
  // A run of the whole view may have gone past meanwhile.
  if (watermarksUs.some((us) => us !== null && us > watermarkUs)) return;
  await writer.writeMarkers(view, watermarkUs);
}
