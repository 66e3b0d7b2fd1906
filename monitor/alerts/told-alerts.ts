/**
 * What each receiver was told of a service's alerts: `{reports}/{service}/told.json`. Written after a receiver has
 * taken a message; a process that ends between the two tells it again, under the same key.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { alertKey } from './alert-fold.ts';
import type { DayFault, OpenAlert } from './alert-fold.ts';

const TOLD_ALERT = z.object({
  view: z.string(),
  cause: z.string(),
  level: z.enum(['page', 'note']),
  since: z.string(),
});
const TOLD_FILE = z.object({ version: z.literal(1), receivers: z.record(z.string(), z.array(TOLD_ALERT)) });

/** An alert as a receiver was last told of it. */
export type ToldAlert = Readonly<z.output<typeof TOLD_ALERT>>;

/** What a receiver does not know yet. */
interface AlertChanges<F extends DayFault> {
  /** To act on: new, or known as a note until now. */
  readonly opened: readonly OpenAlert<F>[];
  /** Shown by the settled verdict only. */
  readonly noted: readonly OpenAlert<F>[];
  /** Known already, and still open. */
  readonly still: readonly OpenAlert<F>[];
  readonly closed: readonly ToldAlert[];
  /** Notes that `opened` has now. */
  readonly raised: readonly ToldAlert[];
}

export function changesOf<F extends DayFault>(
  open: readonly OpenAlert<F>[],
  told: readonly ToldAlert[],
): AlertChanges<F> {
  const known = new Map(told.map((alert) => [alertKey(alert), alert]));
  const isOpen = new Set(open.map(alertKey));
  const isNew = (alert: OpenAlert<F>): boolean => {
    const before = known.get(alertKey(alert));
    return before === undefined || (alert.level === 'page' && before.level === 'note');
  };
  const opened = open.filter((alert) => isNew(alert) && alert.level === 'page');
  return {
    opened,
    noted: open.filter((alert) => isNew(alert) && alert.level === 'note'),
    still: open.filter((alert) => !isNew(alert)),
    closed: told.filter((alert) => !isOpen.has(alertKey(alert))),
    raised: opened.flatMap((alert) => known.get(alertKey(alert)) ?? []),
  };
}

export class ToldAlerts {
  readonly #file: string;
  readonly #receivers: Map<string, readonly ToldAlert[]>;

  private constructor(file: string, receivers: Map<string, readonly ToldAlert[]>) {
    this.#file = file;
    this.#receivers = receivers;
  }

  /** A file that cannot be read is told of, and counts as empty: alerts are then told again and none is lost. */
  static read(reports: string, service: string, logger: Logger): ToldAlerts {
    const file = join(reports, service, 'told.json');
    try {
      const { receivers } = TOLD_FILE.parse(JSON.parse(readRegularText(file)));
      return new ToldAlerts(file, new Map(Object.entries(receivers)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        const why =
          error instanceof z.ZodError ? 'it is not as this program writes it' : (error as Error).message;
        logger.warn(`${file} cannot be read (${why}): receivers are told of open alerts again`);
      }
      return new ToldAlerts(file, new Map());
    }
  }

  of(receiver: string): readonly ToldAlert[] {
    return this.#receivers.get(receiver) ?? [];
  }

  /** From now on a receiver knows exactly these alerts. */
  record(receiver: string, open: readonly OpenAlert[]): void {
    const before = new Map(this.of(receiver).map((alert) => [alertKey(alert), alert]));
    const alerts = open.map(({ view, cause, level, since }): ToldAlert => {
      const known = before.get(alertKey({ view, cause }));
      // What was an alarm stays one, also when its days are judged again and look milder.
      return { view, cause, level: known?.level === 'page' ? 'page' : level, since: known?.since ?? since };
    });
    if (JSON.stringify(alerts) === JSON.stringify(this.of(receiver))) return;
    this.#receivers.set(receiver, alerts);
    const content = { version: 1, receivers: Object.fromEntries(this.#receivers) };
    writeDurably(this.#file, `${JSON.stringify(content, null, 1)}\n`);
  }
}
