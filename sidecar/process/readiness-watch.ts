/**
 * Looks at the store's state ten times a second, tells the admin port what to answer to /readyz, and logs what changed.
 * Called by main.ts.
 */
import type { Logger } from '../../contract/std/logger.ts';
import { withoutDurations } from './repeated-lines.ts';
import type { Readiness, ReadyState } from './readiness.ts';
import type { StoreReader } from '../store/store-reader.ts';

const LOOK_MS = 100;

export interface ReadinessWatch {
  readonly state: ReadyState;
  /** Looks now. */
  look(): void;
  stop(): void;
}

/** @param tell  called with the present state first, then with each change */
export function watchReadiness(
  readiness: Readiness,
  reader: Pick<StoreReader, 'state'>,
  tell: (state: ReadyState) => void,
  logger: Logger,
): ReadinessWatch {
  let state: ReadyState | null = null;
  const look = (): ReadyState => {
    const next = readiness.state(reader.state(), performance.now());
    const isSame =
      state !== null &&
      next.ready === state.ready &&
      withoutDurations(next.reason) === withoutDurations(state.reason);
    if (isSame) return state!;
    const wasReady = state?.ready ?? false;
    state = next;
    tell(next);
    if (next.alarmed) logger.warn(`ready all the same: ${next.reason}`);
    else if (next.ready && !wasReady) logger.info('ready: the online store was read');
    else if (!next.ready) logger.warn(`not ready: ${next.reason}`);
    return next;
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    look,
    stop: () => clearInterval(timer),
    get state() {
      return look();
    },
  };
}
