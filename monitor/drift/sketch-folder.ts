/**
 * The sketches of what was served on earlier days: `{reports}/{service}/{date}.sketches.json`, beside the verdict,
 * which stays small without them.
 */
import type { ColumnSketch } from '../../contract/sketch.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { writeDurably } from '../../contract/std/files/durable-file.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { DAY_US, dayOf, parseTimestamp } from '../../contract/std/timestamp.ts';
import { monitorError } from '../errors.ts';
import { sketchesFile } from '../verdict/snapshot-folder.ts';

/** The sketches of one day. */
export interface ServedSketches {
  readonly version: 1;
  readonly service: string;
  /** YYYY-MM-DD, UTC. */
  readonly date: string;
  /** By the feature's full name. */
  readonly features: Readonly<Record<string, TypedSketch>>;
}

export interface TypedSketch {
  /** The feature's type as text: a sketch of another type is of another feature. */
  readonly type: string;
  readonly sketch: ColumnSketch;
}

const WEEK_US = 7 * DAY_US;
const MOST_WEEKS = 4;

/** @throws MON_REPORTS */
export function writeSketches(reports: string, sketches: ServedSketches): void {
  const file = sketchesFile(reports, sketches.service, sketches.date);
  try {
    writeDurably(file, `${JSON.stringify(sketches)}\n`);
  } catch (error) {
    const why = (error as Error).message;
    throw monitorError('MON_REPORTS', `${file} cannot be written: ${why}`, { file }, error);
  }
}

/**
 * @returns the sketches of the same weekday of the last four weeks, the newest first; a day that was not judged is not
 *          among them, nor one whose sketches cannot be read, which is warned of
 */
export function sameWeekday(
  reports: string,
  service: string,
  date: string,
  logger: Logger,
): ServedSketches[] {
  const fromUs = Number(parseTimestamp(date));
  const days = Array.from({ length: MOST_WEEKS }, (_, i) => dayOf(fromUs - (i + 1) * WEEK_US));
  return days.flatMap((day) => readSketches(reports, service, day, logger) ?? []);
}

/** @returns null: the day has none, or they cannot be read, which is warned of */
export function readSketches(
  reports: string,
  service: string,
  date: string,
  logger: Logger,
): ServedSketches | null {
  try {
    const sketches = JSON.parse(readRegularText(sketchesFile(reports, service, date))) as ServedSketches;
    if (sketches.version === 1 && sketches.date === date) return sketches;
    logger.warn(
      `the sketches of ${date} are of ${sketches.date}, version ${sketches.version}: nothing is compared with that day`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn(
        `the sketches of ${date} cannot be read, nothing is compared with that day: ${(error as Error).message}`,
      );
  }
  return null;
}
