/**
 * What each receiver knows of a service's alerts: `{reports}/{service}/told.json`.
 *
 *   begin    before a message leaves: what it is about is not certain from now on
 *   record   after the receiver has taken it: what it knows now
 *   refused  where it certainly has not: what it knew before
 *
 * Of what a process leaves uncertain that ends between `begin` and `record`, the next run tells how it is: under the
 * same key where nothing has changed since.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { changesOf } from './alert-changes.ts';
import type { KnownAlerts, ToldAlert } from './alert-changes.ts';
import { alertKey } from './alert-fold.ts';
import type { AlertLevel, OpenAlert } from './alert-fold.ts';

const TOLD_ALERT = z.object({
  view: z.string(),
  cause: z.string(),
  level: z.enum(['page', 'note']),
  shown: z.enum(['page', 'note']).optional(),
  since: z.string(),
});
const RECEIVER = z.object({
  taken: z.int().nonnegative().default(0),
  told: z.array(TOLD_ALERT),
  begun: z.array(TOLD_ALERT),
});
const TOLD_FILE = z.object({ version: z.literal(1), receivers: z.record(z.string(), RECEIVER) });

const NOTHING: KnownAlerts = { taken: 0, told: [], begun: [] };

export class ToldAlerts {
  readonly #file: string;
  readonly #receivers: Map<string, KnownAlerts>;

  private constructor(file: string, receivers: Map<string, KnownAlerts>) {
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
        const isOther = error instanceof z.ZodError;
        const why = isOther ? 'it is not as this program writes it' : (error as Error).message;
        logger.warn(`${file} cannot be read (${why}): receivers are told of open alerts again`);
      }
      return new ToldAlerts(file, new Map());
    }
  }

  /** @returns the services of whose alerts a receiver was told */
  static services(reports: string): string[] {
    const folders = readdirSync(reports, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return folders
      .map(({ name }) => name)
      .filter((service) => existsSync(join(reports, service, 'told.json')));
  }

  of(receiver: string): KnownAlerts {
    return this.#receivers.get(receiver) ?? NOTHING;
  }

  /** @returns what the receiver is known to know until the message leaves, for `refused` */
  begin(receiver: string, open: readonly OpenAlert[]): KnownAlerts {
    const before = this.of(receiver);
    const { opened, noted, closed } = changesOf(open, before);
    const heardOf = new Map([...before.begun, ...before.told].map((alert) => [alertKey(alert), alert]));
    const begun = [
      ...[...opened, ...noted].map((alert) => {
        const heard = heardOf.get(alertKey(alert));
        return toldAlert(alert, heard?.shown ?? heard?.level);
      }),
      ...closed,
    ];
    const isBegun = new Set(begun.map(alertKey));
    const told = before.told.filter((alert) => !isBegun.has(alertKey(alert)));
    this.#write(receiver, { ...before, told, begun });
    return before;
  }

  /** From now on a receiver knows exactly these alerts. */
  record(receiver: string, open: readonly OpenAlert[]): void {
    const before = this.of(receiver);
    const known = new Map(before.told.map((alert) => [alertKey(alert), alert]));
    const told = open.map((alert): ToldAlert => {
      const { level = alert.level, since = alert.since } = known.get(alertKey(alert)) ?? {};
      const greatest = level === 'page' ? 'page' : alert.level;
      return toldAlert({ ...alert, level: greatest, since }, alert.level);
    });
    // What it had to be told of is what was begun.
    const taken = before.taken + (before.begun.length > 0 ? 1 : 0);
    this.#write(receiver, { taken, told, begun: [] });
  }

  refused(receiver: string, before: KnownAlerts): void {
    this.#write(receiver, before);
  }

  #write(receiver: string, known: KnownAlerts): void {
    if (JSON.stringify(known) === JSON.stringify(this.of(receiver))) return;
    this.#receivers.set(receiver, known);
    const content = { version: 1, receivers: Object.fromEntries(this.#receivers) };
    writeDurably(this.#file, `${JSON.stringify(content, null, 1)}\n`);
  }
}

/** @param shown  under which level Alertmanager may have it */
function toldAlert(
  { view, cause, level, since }: Omit<ToldAlert, 'shown'>,
  shown: AlertLevel = level,
): ToldAlert {
  return { view, cause, level, ...(shown === level ? {} : { shown }), since };
}
