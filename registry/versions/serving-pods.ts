/**
 * Which pods serve which bundle, by their heartbeats in the vector log, as far as `plumb monitor ingest` has read it. A
 * pod counts while its heartbeats come: those that have ended, or have been silent for a minute, do not.
 */
import { IngestAccount } from '../../project/archive/ingest-account.ts';
import { servedFolder } from '../../project/archive/archive-place.ts';
import type { Settings } from '../../project/settings/settings.ts';

export interface ServingPods {
  /** When the newest heartbeat was written. */
  readonly asOfUs: number;
  /** Ids of pods, by the short hash of the bundle that each served by then; sorted. */
  readonly byBundle: ReadonlyMap<string, readonly string[]>;
}

/** Heartbeats come every 10 s. */
const SILENT_US = 60_000_000;

/**
 * @returns null when no heartbeat was ingested yet
 * @throws  MON_SERVED, REG_STORE
 */
export async function servingPods(settings: Settings): Promise<ServingPods | null> {
  const epochs = (await IngestAccount.read(servedFolder(settings))).epochs();
  const asOfUs = Math.max(...epochs.map(({ heardUs }) => heardUs), 0);
  if (asOfUs === 0) return null;
  const byBundle = new Map<string, string[]>();
  for (const { closed, heardUs, bundle, pod } of epochs) {
    if (closed || bundle === '' || heardUs < asOfUs - SILENT_US) continue;
    const pods = byBundle.get(bundle) ?? [];
    if (!pods.includes(pod)) byBundle.set(bundle, [...pods, pod]);
  }
  return { asOfUs, byBundle: new Map([...byBundle].map(([bundle, pods]) => [bundle, pods.toSorted()])) };
}
