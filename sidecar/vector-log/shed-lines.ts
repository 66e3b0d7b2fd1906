/**
 * Lines that say that answered requests are not in the log, and why: of each reason the first at once, then one a
 * minute with how many there were. Full and failing disks have lines of their own (../spool). Called by vector-log.ts.
 */
import { countText } from '../../contract/std/count-text.ts';
import type { Logger } from '../../contract/std/logger.ts';

const EVERY_US = 60_000_000;

interface Said {
  atUs: number;
  /** Requests since then. */
  unsaid: number;
}

export class ShedLines {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #said = new Map<string, Said>();

  constructor(logger: Pick<Logger, 'warn'>) {
    this.#logger = logger;
  }

  /** @param kind  of which one line a minute is enough */
  tell(kind: string, why: string, nowUs: number): void {
    const before = this.#said.get(kind);
    // A clock that was set back counts as a new start.
    if (before !== undefined && nowUs >= before.atUs && nowUs < before.atUs + EVERY_US) {
      before.unsaid += 1;
      return;
    }
    const count = (before?.unsaid ?? 0) + 1;
    this.#said.set(kind, { atUs: nowUs, unsaid: 0 });
    const are = count === 1 ? 'is' : 'are';
    this.#logger.warn(`${countText(count, 'answered request')} ${are} not in the log: ${why}`);
  }
}
