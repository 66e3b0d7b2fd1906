/** Watches the folder of bundles and hands on each new one that is good; a bad one is warned of once. */
import { currentHash, loadBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';

const POLL_MS = 1_000;

export interface BundleWatch {
  /** Looks now, unless it does already. @returns once what it found is in force, or refused */
  look(): Promise<void>;
  /** Whether the newest bundle could not be taken. */
  readonly refuses: boolean;
  /** Looks no more. @returns as `look`, where it does */
  stop(): Promise<void>;
}

/**
 * @param inForce  the hash of the bundle that is served
 * @param swap     resolves once a new bundle is in force, or rejects when it cannot be compiled: then the last good
 *                 one stays
 */
export function watchBundles(
  folder: string,
  inForce: string,
  swap: (bundle: Bundle) => Promise<void>,
  logger: Logger,
): BundleWatch {
  let served = inForce;
  let refused: string | null = null;
  let looking: Promise<void> | null = null;
  const take = async (): Promise<void> => {
    let hash: string | null = null;
    try {
      hash = currentHash(folder);
      if (hash === served) refused = null;
      if (hash === null) throw new Error('the folder is gone, or what says which bundle is in force');
      if (hash === served || hash === refused) return;
      await swap(loadBundle(folder, hash));
      served = hash;
      refused = null;
      logger.info(`serving bundle ${hash}`);
    } catch (error) {
      const name = hash ?? 'unreadable';
      const what = hash === null ? `the bundles in ${folder} cannot be read` : `bundle ${hash} is refused`;
      if (refused !== name) logger.warn(`${what}, ${served} stays in force: ${(error as Error).message}`);
      refused = name;
    }
  };
  const look = (): Promise<void> => (looking ??= take().finally(() => (looking = null)));
  const timer = setInterval(() => void look(), POLL_MS).unref();
  return {
    look,
    get refuses() {
      return refused !== null;
    },
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
