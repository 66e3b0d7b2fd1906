/**
 * What the process itself uses: CPU, memory, heap, open files, pauses of the garbage collector, under the names that
 * every Prometheus client gives them. Called once a scrape.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import type { Exposition, Sample } from '../../contract/std/exposition.ts';
import type { GcPauses } from './gc-pauses.ts';

export function processMetrics(out: Exposition, gc: Pick<GcPauses, 'seconds'>): void {
  const { user, system } = process.cpuUsage();
  out.counter('process_cpu_seconds_total', 'CPU time of this process.', (user + system) / 1e6);
  out.gauge('process_start_time_seconds', 'When this process began.', performance.timeOrigin / 1_000);
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  out.gauge('process_resident_memory_bytes', 'Resident memory.', rss);
  out.gauge('nodejs_heap_size_used_bytes', 'Heap in use.', heapUsed);
  out.gauge('nodejs_heap_size_total_bytes', 'Heap taken from the system.', heapTotal);
  out.gauge(
    'nodejs_heap_size_limit_bytes',
    'At which the process ends.',
    getHeapStatistics().heap_size_limit,
  );
  out.gauge('nodejs_external_memory_bytes', 'Memory of buffers outside the heap.', external);
  out.histogram(
    'nodejs_gc_duration_seconds',
    'Pauses of the garbage collector by kind.',
    [...gc.seconds].map(([kind, seconds]) => [{ kind }, seconds] as const),
  );
  openFiles(out);
}

/** Connections are open files too: at the limit no new one is accepted. Nothing where the system has no /proc. */
function openFiles(out: Exposition): void {
  const open = openCount();
  const limit = openLimit();
  const sample = (value: number | null): Sample[] => (value === null ? [] : [[{}, value]]);
  out.gauge('process_open_fds', 'Open files and connections.', sample(open));
  out.gauge('process_max_fds', 'How many may be open.', sample(limit));
}

function openCount(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}

function openLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return soft === null ? null : Number(soft[1]);
  } catch {
    return null;
  }
}
