/** What a record holds, told from its first bytes: checking a spool need not decode every record of it. */

export type RecordContent = 'served' | 'heartbeat' | 'last' | 'part';

/**
 * What a record holds, without decoding it: its fields stand in order of their numbers, the content's comes last.
 * @returns null when the bytes are no record of a version that this build reads
 */
export function contentOf(buffer: Buffer, from: number, to: number): RecordContent | null {
  let at = from;
  if (buffer[at] !== 0x08 || buffer[at + 1] !== 1) return null;
  at += 2;
  if (buffer[at] === 0x12) {
    // The pod's length is a varint of one or two bytes.
    let bytes = buffer[at + 1]! & 127;
    for (at += 1; buffer[at]! > 127; at += 1) bytes |= (buffer[at + 1]! & 127) << 7;
    at += 1 + bytes;
  }
  if (buffer[at] === 0x19) at += 9;
  if (buffer[at] === 0x20) {
    at += 1;
    while (at < to && buffer[at]! > 127) at += 1;
    at += 1;
  }
  if (at >= to) return null;
  switch (buffer[at]) {
    case 0x28:
      return 'part';
    case 0x42:
      return 'served';
    case 0x4a:
      return 'heartbeat';
    case 0x52:
      return 'last';
    default:
      return null;
  }
}
