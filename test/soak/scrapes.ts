/** The sidecars' metrics, as Prometheus would take them, and the memory of the programs, every few seconds. */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SoakSet } from './soak-set.ts';

export interface Scrape {
  readonly atMs: number;
  readonly pod: string;
  /** Of this start of it. */
  readonly pid: number;
  /** Series by name and labels, as they stand in the text. */
  readonly values: ReadonlyMap<string, number>;
}

export interface MemorySample {
  readonly atMs: number;
  readonly program: string;
  readonly pid: number;
  readonly mib: number;
}

const EVERY_MS = 2_500;
const LIMIT_MS = 2_000;
/** What faults are told by; all of them for an hour would take much memory. */
const KEPT =
  /^plumbline_(spool_(slow_disk|failing)|shipper_oldest_unshipped_seconds|clock_offset_seconds|log_level_records_total)/;

export class Scrapes {
  readonly scrapes: Scrape[] = [];
  readonly memory: MemorySample[] = [];
  /** Scrapes that were not answered while the pod ran. */
  failed = 0;
  readonly #set: SoakSet;
  readonly #timer: NodeJS.Timeout;

  constructor(set: SoakSet) {
    this.#set = set;
    this.#timer = setInterval(() => void this.#take(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #take(): Promise<void> {
    const { pods, daemon, ingest, folder } = this.#set;
    for (const program of [...pods.map(({ process }) => process), daemon, ingest]) {
      const mib = program.residentMib();
      if (mib === null) continue;
      const sample = { atMs: Date.now(), program: program.name, pid: program.pid, mib };
      this.memory.push(sample);
      // For whoever looks while it goes on, or asks later when it rose.
      appendFileSync(join(folder, 'memory.csv'), `${Object.values(sample).join(',')}\n`);
    }
    await Promise.all(
      pods.map(async ({ name, adminPort, process }) => {
        const { pid } = process;
        const text = await fetch(`http://127.0.0.1:${adminPort}/metrics`, {
          signal: AbortSignal.timeout(LIMIT_MS),
        })
          .then((answer) => answer.text())
          .catch(() => null);
        if (text !== null) this.scrapes.push({ atMs: Date.now(), pod: name, pid, values: valuesOf(text) });
        else if (pid !== 0 && process.pid === pid) this.failed += 1;
      }),
    );
  }
}

function valuesOf(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (!KEPT.test(line)) continue;
    const space = line.lastIndexOf(' ');
    values.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return values;
}
