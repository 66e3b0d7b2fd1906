/**
 * How far the partitions of streams have come, for the textfile of run-metrics.ts: as their holders last noted it in
 * the registry, whichever process writes the file. Times are seconds since 1970.
 */
import type { PartitionNote } from '../../project/database/stream-partition-table.ts';

export interface ViewPartitions {
  readonly view: string;
  readonly notes: readonly PartitionNote[];
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  /** null: not known, and left out. */
  readonly value: (note: PartitionNote) => number | null;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'plumbline_stream_partition_watermark_timestamp_seconds',
    help: 'The time up to which the rows of the partition are online, or its tiles were sent.',
    kind: 'gauge',
    value: ({ watermarkUs }) => watermarkUs / 1e6,
  },
  {
    name: 'plumbline_stream_partition_noted_timestamp_seconds',
    help: 'When the process that holds the partition last said how far it is.',
    kind: 'gauge',
    value: ({ notedUs }) => notedUs / 1e6,
  },
  {
    name: 'plumbline_stream_partition_behind_messages',
    help: 'Messages of the partition that are not read yet.',
    kind: 'gauge',
    value: ({ behind }) => behind,
  },
  {
    name: 'plumbline_stream_partition_due_edges',
    help: 'Edges that the watermark of the partition has passed and whose rows are not written.',
    kind: 'gauge',
    value: ({ edgesDue }) => edgesDue,
  },
  {
    name: 'plumbline_stream_partition_late_events_total',
    help: 'Events of the partition that came too late, since its process was started.',
    kind: 'counter',
    value: ({ late }) => late,
  },
  {
    name: 'plumbline_stream_partition_left_out_events_total',
    help: 'Events of the partition that the view excludes or refuses, since its process was started.',
    kind: 'counter',
    value: ({ leftOut }) => leftOut,
  },
];

export function partitionMetricsText(all: readonly ViewPartitions[]): string {
  const lines = FAMILIES.flatMap(({ name, help, kind, value }) => {
    const samples = all.flatMap(({ view, notes }) =>
      notes.flatMap((note) => {
        const number = value(note);
        return number === null ? [] : [`${name}{view="${view}",partition="${note.partition}"} ${number}`];
      }),
    );
    return samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples];
  });
  return lines.map((line) => `${line}\n`).join('');
}
