/**
 * Messages of Debezium: the change of a row of a table, in JSON, with or without the schema about it.
 *
 *   {"op": "c", "before": null, "after": {row}}      or   {"schema": ..., "payload": {"op": ..., ...}}
 *
 *   c, r   created, or read by a snapshot: the row counts
 *   u      updated: the row before is taken back, the row after counts
 *   d      deleted: the row before is taken back
 *   m      a message of the database's log, of no row. No value at all: the tombstone behind a deletion
 *
 * A connector that was stopped sends some changes once more. A change is known by where it stands in the database's log
 * (`source`) and by its rows: what one statement of PostgreSQL has written may stand at one place of it.
 */
import { hash } from 'node:crypto';
import type { Source } from '../../../../contract/model.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { eventMaker } from '../event-maker.ts';
import type { Decode, StreamEvent } from '../stream-event.ts';
import { JsonCursor } from './json-cursor.ts';
import { jsonMembers, jsonReader, orNull } from './json-value.ts';

type Row = readonly Value[];

export function debeziumDecoder(source: Source): Decode {
  const { fields } = source.stream!;
  /** Of the message at hand its rows as they are written. */
  const written = { before: '', after: '' };
  const row = (within: 'before' | 'after') => {
    const read = orNull(
      jsonMembers(
        within,
        fields.map(({ name, type, unit }) => ({ name, read: jsonReader(`${within}.${name}`, type, unit) })),
      ),
    );
    return (cursor: JsonCursor) => {
      const from = cursor.at;
      const values = read(cursor);
      written[within] = cursor.text.slice(from, cursor.at);
      return values;
    };
  };
  const envelope = () => [
    { name: 'op', read: jsonReader('op', { kind: 'string' }, null) },
    { name: 'before', read: row('before') },
    { name: 'after', read: row('after') },
    { name: 'source', read: readPlace },
  ];
  const payload = { name: 'payload', read: orNull(jsonMembers('payload', envelope())) };
  const read = jsonMembers('', [...envelope(), payload]);
  const event = eventMaker(source);
  const cursor = new JsonCursor();
  return (message) => {
    if (message === null) return [];
    written.before = written.after = '';
    const members = cursor.open(message) ? read(cursor) : undefined;
    if (members === undefined || !cursor.atEnd()) return `the message ${cursor.fault}`;
    const [op, before, after, place] = (members[ENVELOPE] ?? members) as Envelope;
    const id =
      place === null ? null : hash('md5', `${place}\n${written.before}\n${written.after}`, 'base64url');
    const events: StreamEvent[] = [];
    for (const [sign, name] of STEPS.get(op) ?? [NO_STEP]) {
      if (sign === 0) return `the message has an op that should be one of c, r, u, d, m, got ${String(op)}`;
      const of = name === 'before' ? before : after;
      if (of === null)
        return `the message has the op ${op!} and no row ${name}${sign === -1 ? NEEDS_BEFORE : ''}`;
      const made = event(of, sign);
      if (typeof made === 'string') return `${name}.${made}`;
      events.push({ ...made, id });
    }
    return events;
  };
}

type Envelope = [op: string | null, before: Row | null, after: Row | null, place: string | null];
/** How many members it has; in a message with a schema it stands behind as many. */
const ENVELOPE = 4;

/** By them the logs of databases tell their places, and the connector which database it was. */
const PLACES = [
  ['lsn', 'txId'], // PostgreSQL
  ['file', 'pos', 'row'], // MySQL, MariaDB
  ['commit_lsn', 'change_lsn', 'event_serial_no'], // SQL Server, Db2
  ['scn', 'commit_scn', 'rs_id', 'ssn'], // Oracle
].flat();
const OPEN = 0x7b;

const readWritten = orNull((cursor) => {
  cursor.peek();
  const from = cursor.at;
  return cursor.skip() ? cursor.text.slice(from, cursor.at) : undefined;
});
const readSource = jsonMembers(
  'source',
  ['name', ...PLACES].map((name) => ({ name, read: readWritten })),
);

/** @returns where a change stands in its database's log, as a text; null: nothing says it */
function readPlace(cursor: JsonCursor): string | null | undefined {
  if (cursor.peek() !== OPEN) return cursor.skip() ? null : undefined;
  const values = readSource(cursor);
  if (values === undefined) return undefined;
  return values.some((value, i) => i > 0 && value !== null) ? JSON.stringify(values) : null;
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
