/** The vector log in `/metrics`, as Prometheus text. Alerts on it: deploy/helm/plumbline/alerts/vector-log.yaml. */
import { DURATION_EDGES_S } from '../spool/duration-counts.ts';
import type { Durations } from '../spool/duration-counts.ts';
import { SPOOL_MODES } from '../spool/spool.ts';
import type { VectorLogStats } from '../vector-log/vector-log.ts';

type Type = 'counter' | 'gauge';

/** @returns lines, the last one without its end */
export function logMetrics(log: VectorLogStats): string[] {
  const { spool, levels } = log;
  const lines: string[] = [];
  const add = (name: string, type: Type, help: string, ...samples: readonly [string, number][]): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`);
  };
  add('plumbline_log_records_total', 'counter', 'Requests logged by this start.', ['', log.records]);
  add(
    'plumbline_log_level_records_total',
    'counter',
    'Requests by what was certain of their record when they were answered.',
    ['{level="queued"}', levels.queued],
    ['{level="written"}', levels.written],
    ['{level="synced"}', levels.synced],
  );
  add('plumbline_log_shed_records_total', 'counter', 'Answers that left unlogged.', ['', log.shedRecords]);
  add('plumbline_spool_bytes', 'gauge', 'Bytes of the spool.', ['', log.bytes]);
  add('plumbline_spool_max_bytes', 'gauge', 'Bytes that the spool may hold.', ['', spool.maxBytes]);
  add('plumbline_spool_segments', 'gauge', 'Files that hold them.', ['', spool.segments]);
  add(
    'plumbline_spool_mode',
    'gauge',
    'How the spool takes records: 1 for the present mode.',
    ...SPOOL_MODES.map((mode): [string, number] => [`{mode="${mode}"}`, mode === spool.mode ? 1 : 0]),
  );
  add('plumbline_spool_slow_disk', 'gauge', 'Whether the disk is slow at present.', [
    '',
    spool.isSlow ? 1 : 0,
  ]);
  add('plumbline_spool_slow_disk_episodes_total', 'counter', 'Times that the disk became slow.', [
    '',
    spool.slowEpisodes,
  ]);
  add('plumbline_spool_failing', 'gauge', 'Whether the last write or sync failed.', [
    '',
    spool.isFailing ? 1 : 0,
  ]);
  add('plumbline_spool_vanished_total', 'counter', 'Times that the spool was removed under its writer.', [
    '',
    spool.vanished,
  ]);
  add('plumbline_spool_ring_bytes', 'gauge', 'Bytes in memory that wait for a slow disk.', [
    '',
    spool.ringBytes,
  ]);
  add('plumbline_spool_ring_max_bytes', 'gauge', 'Bytes that may wait so.', ['', spool.ringCapacityBytes]);
  lines.push(...histogram('plumbline_spool_write_seconds', 'Writes of a tick.', spool.writes));
  lines.push(...histogram('plumbline_spool_sync_seconds', 'Syncs of the spool.', spool.syncs));
  add(
    'plumbline_spool_longest_seconds',
    'gauge',
    'The longest write and sync of this start.',
    ['{of="write"}', spool.writes.longestS],
    ['{of="sync"}', spool.syncs.longestS],
  );
  return lines;
}

function histogram(name: string, help: string, { counts, sumS }: Durations): string[] {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  let total = 0;
  for (const [i, edge] of DURATION_EDGES_S.entries()) {
    total += counts[i]!;
    lines.push(`${name}_bucket{le="${edge}"} ${total}`);
  }
  total += counts.at(-1)!;
  lines.push(`${name}_bucket{le="+Inf"} ${total}`, `${name}_sum ${sumS}`, `${name}_count ${total}`);
  return lines;
}
