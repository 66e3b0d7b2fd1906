/** What a message's values say beside themselves: when the event happened, its id, whether it counts or takes back. */
import type { Source } from '../../../contract/model.ts';
import { timestampText } from '../../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../../contract/value-type.ts';
import type { StreamEvent } from './stream-event.ts';

/** @returns makes an event of the values of a source's fields, or says why they are none */
export function eventMaker({
  eventTime,
  stream,
}: Source): (values: readonly Value[], op?: 1 | -1) => StreamEvent | string {
  const { fields, id, op: operation } = stream!;
  const indexOf = (name: string | null): number => fields.findIndex((field) => field.name === name);
  const timeAt = indexOf(eventTime);
  const idAt = indexOf(id);
  const idType = fields[idAt]?.type;
  const opAt = indexOf(operation?.column ?? null);
  const ops = new Map<string, 1 | -1>([
    ...(operation?.insert ?? []).map((value) => [value, 1] as const),
    ...(operation?.delete ?? []).map((value) => [value, -1] as const),
  ]);
  return (values, given = 1) => {
    const time = values[timeAt]! as bigint | null;
    if (time === null) return `${eventTime} is null, and says when the event happened`;
    const eventUs = Number(time);
    if (!(eventUs >= 0 && eventUs <= Number.MAX_SAFE_INTEGER)) {
      const when = eventUs < 0 ? 'lies before 1970' : 'lies past the year 2255';
      return `${eventTime} ${when}, got ${timestampText(time)}`;
    }
    const op = opAt === -1 ? given : ops.get(String(values[opAt]));
    if (op === undefined)
      return `${operation!.column} should be one of ${[...ops.keys()].join(', ')}, got ${String(values[opAt])}`;
    return { values, eventUs, id: idAt === -1 ? null : idText(idType!, values[idAt]!), op };
  };
}

/** One text a value: no two values of a type have the same. */
function idText(type: ValueType, value: Value): string | null {
  if (value === null) return null;
  return type.kind === 'bytes'
    ? Buffer.from(value as Uint8Array).toString('base64')
    : String(value as string);
}
