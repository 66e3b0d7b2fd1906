/** What DuckDB may hold in memory while a day is judged. */
import type { Settings } from '../project/settings/settings.ts';

/** @returns the setting, and at most half of what the container has: Node and the kernel's cache of files need some */
export function memoryLimit(
  { memory }: Pick<Settings['monitor'], 'memory'>,
  has = process.constrainedMemory(),
): string {
  // Without a limit it is 0, or more than any machine has.
  return `${has === 0 ? memory : Math.min(memory, Math.floor(has / 2))}B`;
}
