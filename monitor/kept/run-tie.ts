/**
 * What the judgement of a service's day depends on, as one hash: a role that was judged before is taken over only where
 * all of it is the same. Called by kept-roles.ts.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { hasHistory } from '../../contract/model.ts';
import type { FeatureView } from '../../contract/model.ts';
import { entryHash } from '../../project/delta/delta-log.ts';
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../project/engine/duckdb/file-sql.ts';
import { isObject } from '../../contract/std/files/local-path.ts';
import { openHistory } from '../../project/engine/duckdb/history.ts';
import { seenHistory } from '../../project/history/history-place.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { ownCode } from './own-code.ts';

/**
 * @param trained  the spreads of the service's features in training
 * @param code     of this program
 * @returns        16 hex digits
 */
export async function runTie(
  day: MonitoredDay,
  { service }: DayOfService,
  trained: ReadonlyMap<string, number>,
  code = ownCode(),
): Promise<string> {
  const { book, database, hmacKey, project, log, otherEngine } = day;
  const views = [...new Set(service.views.map(({ view }) => view))].map((id) => book.current.views.get(id)!);
  const parts: unknown[] = [
    [code, process.version],
    [day.date, day.hour, service.name, book.current.hash, readdirSync(project.settings.bundles).toSorted()],
    [...trained],
    hmacKey === null ? null : [hmacKey.id, hashOf(hmacKey.secret)],
    [...log.leftOut],
    [otherEngine, log.otherEngines],
  ];
  const files = log.files.map(({ file }) => file);
  const marks = log.isOfSpool ? await Promise.all(files.map(hashOfFile)) : await stampsOf(day.duck, files);
  for (const [i, { folder, hour }] of log.files.entries()) parts.push([folder, hour, marks[i]]);
  for (const view of views) parts.push([await historyOf(day, view), await database.runs({ view: view.id })]);
  return hashOf(JSON.stringify(parts));
}

async function historyOf({ histories, duck, book }: MonitoredDay, view: FeatureView): Promise<unknown> {
  if (hasHistory(view)) {
    const history = await seenHistory(histories, view);
    return history === null ? null : [history.version, await entryHash(history.folder, history.version)];
  }
  const { source } = await openHistory(duck, histories, view, book.current.entities.get(view.entity)!);
  const files = source!.groups.flatMap((group) => group.files);
  const stamps = await stampsOf(duck, files);
  return files.map((file, i) => [file, stamps[i]]);
}

/** @returns what changes where a file is another one, in the order of the files */
async function stampsOf(duck: DuckDb, files: readonly string[]): Promise<unknown[]> {
  const objects = files.filter(isObject);
  const rows =
    objects.length === 0
      ? []
      : await duck.rows(
          `SELECT filename, size::DOUBLE AS size, epoch_us(last_modified)::DOUBLE AS us FROM read_blob(${quotePaths(objects)})`,
        );
  const known = new Map(rows.map(({ filename, size, us }) => [filename as string, [size, us]]));
  return files.map((file) => (isObject(file) ? known.get(file) : stampOf(file)));
}

function stampOf(file: string): readonly number[] {
  const { size, mtimeMs, ino } = statSync(file);
  return [size, mtimeMs, ino];
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** A file may be larger than what can be read at once. */
async function hashOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex').slice(0, 16);
}
