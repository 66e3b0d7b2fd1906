/**
 * Records that no sidecar writes: those of a log with fields changed to what a wrong, later or hostile writer could
 * put there, and with bytes changed at random. Each has a valid frame, or is a message of the topic.
 */
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { servedProto } from '../../../contract/wire/log/served-decoder.ts';
import {
  FRAME_HEADER_BYTES,
  epochCrc,
  beginFrame,
  sealFrame,
} from '../../../contract/wire/log/spool-frame.ts';

const recordType = protobuf.parse(servedProto()).root.lookupType('plumbline.served.v1.Record');

type Tree = { [field: string]: unknown };

/** A record's fields as a tree, 64-bit numbers as text. */
export function treeOf(payload: Buffer): Tree {
  return recordType.toObject(recordType.decode(payload), { longs: String, enums: Number }) as Tree;
}

export function payloadOf(tree: Tree): Buffer {
  return Buffer.from(recordType.encode(recordType.fromObject(tree)).finish());
}

/** Frames of one epoch, one for each payload, numbered from `first` on. */
export function framesOf(payloads: readonly Buffer[], epoch: bigint, first: number): Buffer {
  const frames = payloads.map((payload, i) => {
    const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), payload]);
    beginFrame(frame, 0, payload.length, first + i);
    sealFrame(frame, 0, epochCrc(epoch), null);
    return frame;
  });
  return Buffer.concat(frames);
}

const LONGS = [
  '9223372036854775807',
  '-9223372036854775808',
  '-1',
  '0',
  '1',
  '9007199254740992',
  '7258118400000000',
];
const INTS = [4_294_967_295, 2_147_483_648, 99, 4, 1, 0];
const TEXTS = [
  '',
  '../../secret',
  '\0',
  '🦜',
  '0123456789ABCDEF',
  'x'.repeat(70_000),
  '__proto__',
  '1|2',
  '-0',
  '1e9',
];

/** One change: to which of the tree's leaves and lists, and what. */
const change = fc.record({ at: fc.nat(), how: fc.nat(), bytes: fc.uint8Array({ maxLength: 40 }) });
const flip = fc.record({ at: fc.nat(), to: fc.nat(255) });

/** Turns a record's payload into a hostile one, or into one that only looks so. */
type Mutation = (payload: Buffer, sequence: number) => Buffer;

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) => (payload: Buffer, sequence: number): Buffer => {
      const tree = { ...treeOf(payload), sequence: String(sequence) };
      for (const one of changes) applyChange(tree, one);
      return payloadOf(tree);
    }),
  fc
    .array(flip, { minLength: 1, maxLength: 4 })
    .map((flips) => (payload: Buffer, sequence: number): Buffer => {
      const bytes = payloadOf({ ...treeOf(payload), sequence: String(sequence) });
      for (const { at, to } of flips) bytes[at % bytes.length] = to;
      return bytes;
    }),
  fc.nat().map(
    (at) =>
      (payload: Buffer): Buffer =>
        payload.subarray(0, at % payload.length),
  ),
);

interface Place {
  readonly holder: Tree | unknown[];
  readonly key: string | number;
}

function placesOf(holder: Tree | unknown[]): Place[] {
  return Object.keys(holder).flatMap((key) => {
    const value = (holder as Tree)[key];
    const own = [{ holder, key }];
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return own;
    return [...own, ...placesOf(value as Tree)];
  });
}

function applyChange(tree: Tree, { at, how, bytes }: { at: number; how: number; bytes: Uint8Array }): void {
  const places = placesOf(tree);
  const { holder, key } = places[at % places.length]!;
  const value = (holder as Tree)[key];
  if (Array.isArray(value)) changeList(value, how);
  else if (Buffer.isBuffer(value)) (holder as Tree)[key] = Buffer.from(bytes);
  else if (typeof value === 'number') (holder as Tree)[key] = INTS[how % INTS.length];
  else if (typeof value === 'boolean') (holder as Tree)[key] = !value;
  else if (typeof value === 'string') {
    const of = /^-?\d+$/.test(value) && !Array.isArray(holder) ? LONGS : TEXTS;
    (holder as Tree)[key] = of[how % of.length];
  }
}

function changeList(list: unknown[], how: number): void {
  if (how % 3 === 0) list.pop();
  else if (how % 3 === 2) list.length = 0;
  else if (list.length > 0) list.push(list[0]);
}
