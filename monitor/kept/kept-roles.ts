/**
 * What a run that was killed had judged already, or a run of a shard (role-shard.ts), role by role of a service:
 *
 *   {scratch}/plumb-monitor/kept/{service} {span} {project}/{tie}-{n}.roles      counts of role n
 *                                                          {tie}-{n}.rows        its judged rows, as Parquet
 *                                                          {tie}-{n}.unjudged    its vectors without a judged value
 *                                                          {tie}-{n}.used        what on-demand views use of it
 *
 * On-demand views come behind them, numbered on, with what they give to each other as `.used`.
 *
 * The first is written last, so where it is the others are. A tie names all that they depend on (run-tie.ts): what
 * bears another one is removed. The folder goes when the verdict is written; what is older than three days goes with
 * the next run. What cannot be read is judged again, and where nothing can be kept a run goes on without it.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { CodedError } from '../../contract/std/coded-error.ts';
import { removeAsides, syncFile, writeDurably } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { spanText } from '../judged-span.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { runTie } from './run-tie.ts';

const NOT_KEPT = 'what is judged cannot be kept for the case that this run is killed';
const KEPT_MS = 3 * 86_400_000;
const MOST_TRIES = 3;

/** What of a role stands in a table of DuckDB, or in a file of the run. */
export interface KeptTable {
  /** Writes what there is of the role that has ended to a Parquet file. */
  keep(file: string): Promise<void>;
  /** Makes it again. */
  restore(file: string): Promise<void>;
  /** Takes back the last role that was made again. */
  forget(): Promise<void>;
}

/** By the ending of their files. */
export type KeptTables = Readonly<Record<string, KeptTable>>;
type TablesOf<Outcome> = (outcome: Outcome) => KeptTables;

/** Where a service's roles of a day are kept, and the tie that they bear. */
interface Place {
  readonly folder: string;
  readonly tie: string;
}

export class KeptRoles {
  /** null: nothing is kept. */
  readonly #place: Place | null;
  readonly #warn: (line: string) => void;

  private constructor(place: Place | null, warn: (line: string) => void) {
    this.#place = place;
    this.#warn = warn;
  }

  /**
   * Where nothing can be kept, it warns.
   *
   * @param trained  the spreads of the service's features in training
   */
  static async open(
    day: MonitoredDay,
    served: DayOfService,
    trained: ReadonlyMap<string, number>,
  ): Promise<KeptRoles> {
    const warn = (line: string): void => day.project.logger.warn(line);
    try {
      return new KeptRoles(await placeOf(day, served, trained), warn);
    } catch (error) {
      if (error instanceof CodedError) throw error;
      warn(`${NOT_KEPT}: ${(error as Error).message}`);
      return new KeptRoles(null, warn);
    }
  }

  /**
   * Takes a role over, with its tables.
   *
   * @param role  its place among the roles of the service, then its on-demand views
   * @returns     null: it was not judged before, or what is kept of it cannot be read
   */
  async take<Outcome>(role: number, tablesOf: TablesOf<Outcome>): Promise<Outcome | null> {
    const place = this.#place;
    if (place === null) return null;
    let outcome: Outcome;
    try {
      outcome = deserialize(readFileSync(fileOf(place, role, 'roles'))) as Outcome;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#unreadable(error);
      return null;
    }
    const restored: KeptTable[] = [];
    try {
      for (const [name, table] of Object.entries(tablesOf(outcome))) {
        await table.restore(fileOf(place, role, name));
        restored.push(table);
      }
      return outcome;
    } catch (error) {
      this.#unreadable(error);
      for (const table of restored) await table.forget();
      return null;
    }
  }

  /** Whether a role was judged before, under this tie. */
  has(role: number): boolean {
    return this.#place !== null && existsSync(fileOf(this.#place, role, 'roles'));
  }

  /**
   * Keeps a role that has ended. What cannot be kept is warned of: the run goes on.
   *
   * @returns whether it is kept
   */
  async keep<Outcome>(role: number, outcome: Outcome, tablesOf: TablesOf<Outcome>): Promise<boolean> {
    const place = this.#place;
    if (place === null) return false;
    for (let tries = 1; ; tries++) {
      try {
        await write(place, role, outcome, tablesOf(outcome));
        return true;
      } catch (error) {
        // Another run of the day may have ended, and removed the folder.
        if (!existsSync(place.folder) && tries < MOST_TRIES) continue;
        this.#warn(`${NOT_KEPT}: ${(error as Error).message}`);
        return false;
      }
    }
  }

  /** Called when the verdict is written. What is left goes when it is old. */
  remove(): void {
    if (this.#place === null) return;
    try {
      removeKept(this.#place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#warn(`what was kept of this run cannot be removed: ${(error as Error).message}`);
    }
  }

  #unreadable(error: unknown): void {
    this.#warn(
      `what a killed run had judged cannot be read, and is judged again: ${(error as Error).message}`,
    );
  }
}

async function write(place: Place, role: number, outcome: unknown, tables: KeptTables): Promise<void> {
  makeFolder(place.folder, 0o700);
  for (const [name, table] of Object.entries(tables)) {
    const file = fileOf(place, role, name);
    const aside = `${file}.${process.pid}.tmp`;
    await table.keep(aside);
    syncFile(aside);
    renameSync(aside, file);
  }
  writeDurably(fileOf(place, role, 'roles'), serialize(outcome));
}

/** Removes what this run and those before it have kept; what another run is writing stays, with the folder. */
function removeKept({ folder, tie }: Place): void {
  for (const name of readdirSync(folder)) {
    const isOthers = name.endsWith('.tmp') && !name.endsWith(`.${process.pid}.tmp`);
    if (name.startsWith(`${tie}-`) && !isOthers) rmSync(join(folder, name), { force: true });
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Makes the folder of a service's day, and removes what bears another tie. */
async function placeOf(
  day: MonitoredDay,
  served: DayOfService,
  trained: ReadonlyMap<string, number>,
): Promise<Place> {
  const { settings } = day.project;
  const home = join(settings.monitor.scratch, 'plumb-monitor', 'kept');
  const project = createHash('sha256').update(settings.reports).digest('hex').slice(0, 8);
  const folder = join(home, `${served.service.name} ${spanText(day)} ${project}`);
  makeFolder(folder, 0o700);
  removeOld(home, day.project.clock.nowUs() / 1_000);
  makeFolder(folder, 0o700);
  const tie = await runTie(day, served, trained);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${tie}-`) && !name.endsWith('.tmp')) rmSync(join(folder, name), { force: true });
  }
  removeAsides(folder, Date.now());
  return { folder, tie };
}

function fileOf({ folder, tie }: Place, role: number, name: string): string {
  return join(folder, `${tie}-${role}.${name}`);
}

function removeOld(home: string, nowMs: number): void {
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (stat !== undefined && nowMs - stat.mtimeMs > KEPT_MS)
      rmSync(folder, { recursive: true, force: true });
  }
}
