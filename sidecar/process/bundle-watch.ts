/**
 * Watches the folder of bundles and hands on each new one that is good; a bad one is warned of once. Where bundles come
 * from elsewhere, they are taken into the folder now and then: not all pods at once.
 */
import { bundleOfPod } from '../../contract/bundles/bundle-pointer.ts';
import { loadBundle, readPointer } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { BundleTaker } from '../../project/bundles/bundle-taker.ts';

const POLL_MS = 1_000;
/** Of the time between two takings, up or down. */
const JITTER = 0.2;

export interface BundleWatch {
  /** Looks now, unless it does already. @returns once what it found is in force, or refused */
  look(): Promise<void>;
  /** Whether the newest bundle could not be taken. */
  readonly refuses: boolean;
  /** Whether none of the places that bundles come from has one, or can be asked. */
  readonly isAlone: boolean;
  /** Looks no more. @returns as `look`, where it does */
  stop(): Promise<void>;
}

export interface WatchedBundles {
  readonly folder: string;
  /** The pod's id: of a staged bundle it says whether this pod takes it. */
  readonly pod: string;
  /** null: bundles come from nowhere but the folder. */
  readonly taker: Pick<BundleTaker, 'take' | 'refuses' | 'isAlone' | 'troubles' | 'close'> | null;
  /** How often it takes. */
  readonly everyUs: number;
}

/** @returns the short hash of the bundle that the pod is to serve, or null when nothing is published */
export function hashForPod({ folder, pod }: Pick<WatchedBundles, 'folder' | 'pod'>): string | null {
  const pointer = readPointer(folder);
  return pointer === null ? null : bundleOfPod(pointer, pod).name;
}

/**
 * @param inForce  the hash of the bundle that is served
 * @param swap     resolves once a new bundle is in force, or rejects when it cannot be compiled: then the last good
 *                 one stays
 */
export function watchBundles(
  watched: WatchedBundles,
  inForce: string,
  swap: (bundle: Bundle) => Promise<void>,
  logger: Logger,
): BundleWatch {
  const { folder, taker } = watched;
  let served = inForce;
  let refused: string | null = null;
  let looking: Promise<void> | null = null;
  const take = async (): Promise<void> => {
    let hash: string | null = null;
    try {
      hash = hashForPod(watched);
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
  const stopTaking =
    taker === null ? () => {} : takeNowAndThen(watched.everyUs / 1_000, () => taker.take().then(look));
  return {
    look,
    get refuses() {
      return refused !== null || taker?.refuses === true;
    },
    get isAlone() {
      return taker?.isAlone === true;
    },
    async stop() {
      clearInterval(timer);
      stopTaking();
      await looking;
      taker?.close();
    },
  };
}

function takeNowAndThen(everyMs: number, take: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const later = (): void => {
    if (isStopped) return;
    const ms = everyMs * (1 - JITTER + 2 * JITTER * Math.random());
    timer = setTimeout(() => void take().then(later), ms).unref();
  };
  later();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
