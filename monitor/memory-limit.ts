/** What DuckDB may hold in memory while a day is judged. */
import type { DuckDb } from '../project/engine/duckdb/duckdb.ts';
import type { Settings } from '../project/settings/settings.ts';

/** @returns the setting, and at most half of what the container has: Node and the kernel's cache of files need some */
export function memoryLimit(
  { memory }: Pick<Settings['monitor'], 'memory'>,
  has = process.constrainedMemory(),
): string {
  // Without a limit it is 0, or more than any machine has.
  return `${has === 0 ? memory : Math.min(memory, Math.floor(has / 2))}B`;
}

/**
 * Gives what DuckDB has freed back to the system. Its allocator keeps that for what comes next, beyond the limit: on a
 * day that differs everywhere half a GiB and more. It takes some 10 ms.
 */
export async function giveBackMemory(duck: DuckDb, monitor: Settings['monitor']): Promise<void> {
  // To set the limit, also to what it is, is the one statement that empties the allocator.
  await duck.run(`SET memory_limit = '${memoryLimit(monitor)}'`);
}
