/**
 * Messages of Debezium: the change of a row of a table, in JSON, with or without the schema about it.
 *
 *   {"op": "c", "before": null, "after": {row}}      or   {"schema": ..., "payload": {"op": ..., ...}}
 *
 *   c, r   created, or read by a snapshot: the row counts
 *   u      updated: the row before is taken back, the row after counts
 *   d      deleted: the row before is taken back
 *   m      a message of the database's log, of no row. No value at all: the tombstone behind a deletion
 */
import type { Source } from '../../../../contract/model.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { eventMaker } from '../event-maker.ts';
import type { Decode, StreamEvent } from '../stream-event.ts';
import { JsonCursor } from './json-cursor.ts';
import { jsonMembers, jsonReader, orNull } from './json-value.ts';

type Row = readonly Value[];

export function debeziumDecoder(source: Source): Decode {
  const { fields } = source.stream!;
  const row = (within: string) =>
    orNull(
      jsonMembers(
        within,
        fields.map(({ name, type, unit }) => ({ name, read: jsonReader(`${within}.${name}`, type, unit) })),
      ),
    );
  const envelope = () => [
    { name: 'op', read: jsonReader('op', { kind: 'string' }, null) },
    { name: 'before', read: row('before') },
    { name: 'after', read: row('after') },
  ];
  const payload = { name: 'payload', read: orNull(jsonMembers('payload', envelope())) };
  const read = jsonMembers('', [...envelope(), payload]);
  const event = eventMaker(source);
  const cursor = new JsonCursor();
  return (message) => {
    if (message === null) return [];
    const members = cursor.open(message) ? read(cursor) : undefined;
    if (members === undefined || !cursor.atEnd()) return `the message ${cursor.fault}`;
    const [op, before, after] = (members[3] ?? members) as [string | null, Row | null, Row | null];
    const events: StreamEvent[] = [];
    for (const [sign, name] of STEPS.get(op) ?? [NO_STEP]) {
      if (sign === 0) return `the message has an op that should be one of c, r, u, d, m, got ${String(op)}`;
      const of = name === 'before' ? before : after;
      if (of === null)
        return `the message has the op ${op!} and no row ${name}${sign === -1 ? NEEDS_BEFORE : ''}`;
      const made = event(of, sign);
      if (typeof made === 'string') return `${name}.${made}`;
      events.push(made);
    }
    return events;
  };
}

const NEEDS_BEFORE = ', which PostgreSQL writes with REPLICA IDENTITY FULL';
const NO_STEP = [0, ''] as const;
const COUNTS = [1, 'after'] as const;
const IS_TAKEN_BACK = [-1, 'before'] as const;

type Step = readonly [sign: 1 | 0 | -1, row: string];

const STEPS = new Map<string | null, readonly Step[]>([
  ['c', [COUNTS]],
  ['r', [COUNTS]],
  ['u', [IS_TAKEN_BACK, COUNTS]],
  ['d', [IS_TAKEN_BACK]],
  ['m', []],
]);
