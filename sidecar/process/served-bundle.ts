/** The bundle that a sidecar starts with: this pod's, from where bundles come from, else the last one that it took. */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { BundleTaker, noBundle } from '../../project/bundles/bundle-taker.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { hashForPod } from './bundle-watch.ts';
import type { WatchedBundles } from './bundle-watch.ts';

/** How long a start waits for the places that bundles come from, where the folder has one from before. */
const TAKE_LIMIT_MS = 3_000;

/** @throws REG_KEY, REG_BUNDLE */
export async function openBundles(settings: Settings, logger: Logger): Promise<WatchedBundles> {
  const taker = await BundleTaker.open(settings, logger);
  const { everyUs } = settings.bundleTravel;
  const watched = { folder: settings.bundles, pod: podId(), taker, everyUs };
  if (taker !== null) {
    const taken = taker.take();
    if (hasOne(watched)) await Promise.race([taken, sleep(TAKE_LIMIT_MS, undefined, { ref: false })]);
    else await taken;
  }
  return watched;
}

/** What is there and cannot be read is none: another one may come. */
function hasOne(watched: WatchedBundles): boolean {
  try {
    return hashForPod(watched) !== null;
  } catch {
    return false;
  }
}

/** @throws REG_NOT_APPLIED, REG_BUNDLE */
export function bundleForPod(watched: WatchedBundles): Bundle {
  const hash = hashForPod(watched);
  if (hash !== null) return loadBundle(watched.folder, hash);
  throw noBundle(watched.folder, watched.taker);
}

/** Kubernetes names each pod anew; elsewhere the name of the machine is its own. */
export function podId(): string {
  return process.env['POD_UID'] ?? hostname();
}
