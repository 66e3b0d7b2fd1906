import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { UNAVAILABLE } from '../../../../../contract/status.ts';
import { decodeRecord, servedProto } from '../../../../../contract/wire/log/served-decoder.ts';
import {
  MAX_PART_BYTES,
  MAX_RECORD_BYTES,
  RecordEncoder,
} from '../../../../../contract/wire/log/served-encoder.ts';
import { encodeServedHead, encodeServedVector } from '../../../../../contract/wire/log/served-image.ts';
import { ComputedFields } from '../../../../../contract/wire/log/computed-fields.ts';
import { ReadyBytes } from '../../../../../contract/wire/log/ready-bytes.ts';
import { contentOf } from '../../../../../contract/wire/log/record-content.ts';
import type { Heartbeat, ServedRequest } from '../../../../../contract/wire/log/served-record.ts';
import {
  FRAME_HEADER_BYTES,
  epochCrc,
  frameAt,
  frameSequence,
} from '../../../../../contract/wire/log/spool-frame.ts';
import { VECTOR_HEAD_BYTES } from '../../../../../contract/wire/log/vector-times.ts';
import { RowEncoder } from '../../../../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES } from '../../../../../contract/wire/online/row-header.ts';
import type { Value, ValueType } from '../../../../../contract/value-type.ts';
import { LAST_US, anyRequest, servedRequest } from '../../../../support/fixtures/served-requests.ts';

const EPOCH = 0x8000_0000_0000_0001n;

function payloads(encoder: RecordEncoder): { sequence: number; payload: Buffer }[] {
  return payloadsIn(encoder.frames());
}

function payloadsIn(frames: Buffer): { sequence: number; payload: Buffer }[] {
  const found: { sequence: number; payload: Buffer }[] = [];
  for (let at = 0; at < frames.length;) {
    const bytes = frameAt(frames, at, frames.length, epochCrc(EPOCH));
    if (bytes < 0) throw new Error(`no frame at ${at}`);
    const from = at + FRAME_HEADER_BYTES;
    found.push({
      sequence: frameSequence(frames, at),
      payload: Buffer.from(frames.subarray(from, from + bytes)),
    });
    at = from + bytes;
  }
  return found;
}

const GOLDEN = join(import.meta.dirname, '../../../../golden/0.1.0');

function goldenFrames(name: string): string {
  return readFileSync(join(GOLDEN, name), 'utf8').trim();
}

/** What comes back. @param computed  what `computedVectors` made them of; null: nothing was computed */
function asLogged(
  request: ServedRequest,
  sequence: number,
  computed: readonly Computed[] | null = null,
): object {
  const vectors = request.vectors.map((vector, i) => ({
    keys: vector.keys,
    rows: vector.rows.map((row) => ({
      ...row,
      masked: false,
      hmacs: [],
      reason: row.status === UNAVAILABLE ? row.reason : 0,
    })),
    inputs: null,
    outputs: null,
    outputStatuses: [],
    inputHmacs: [],
    outputHmacs: [],
    ...computed?.[i],
  }));
  const origin = { pod: 'pod-é', epoch: '8000000000000001', sequence, part: 0, parts: 0 };
  const empty = {
    inputNames: [],
    inputPolicies: [],
    onDemand: [],
    requestUs: 0,
    keyPolicies: [],
    hmacKeyId: '',
  };
  return { ...empty, ...request, vectors, ...origin };
}

interface Computed {
  readonly inputs: Buffer;
  readonly outputs: Buffer;
  readonly outputStatuses: readonly number[];
  readonly inputHmacs: readonly Buffer[];
  readonly outputHmacs: readonly Buffer[];
}

const TEXT: ValueType = { kind: 'string' };
const DOUBLE: ValueType = { kind: 'float64' };

/** A request with on-demand views, and what of it a reader must find. */
const anyComputed = fc
  .record({
    request: anyRequest,
    inputs: fc.array(fc.record({ name: fc.string(), policy: fc.nat(2) }), { maxLength: 20 }),
    views: fc.array(
      fc.record({
        role: fc.string(),
        view: fc.string(),
        definitionId: fc.nat(0xffff_ffff),
        outputPolicies: fc.array(fc.nat(2), { maxLength: 20 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    texts: fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1 }),
    numbers: fc.array(fc.option(fc.double()), { minLength: 1, maxLength: 30 }),
    hmacs: fc.nat(2),
    statuses: fc.array(fc.constantFrom(0, 4), { minLength: 3, maxLength: 3 }),
  })
  .map(({ request, inputs, views, texts, numbers, hmacs, statuses }) => {
    const fields = new ComputedFields();
    const ranges: [from: number, to: number][] = [];
    const digests = Array.from({ length: hmacs }, (_, i) => Buffer.alloc(32, i + 1));
    const found = request.vectors.map((_, r): Computed => {
      const from = fields.length;
      const given = inputs.map((__, i) => texts[(r + i) % texts.length]!);
      const again = ranges[0];
      // The inputs of all vectors are the same where there is one text.
      if (texts.length === 1 && again !== undefined) fields.again(again[0], inputsEnd);
      else {
        fields.open('inputs', given.length);
        for (const one of given) fields.add(TEXT, one);
        fields.close();
        inputsEnd = fields.length;
      }
      fields.open('outputs', numbers.length);
      for (const one of numbers) fields.add(DOUBLE, one);
      fields.close();
      fields.statuses([9, ...statuses], 1, views.length);
      for (const digest of digests) fields.hmac('inputHmacs', digest);
      for (const digest of digests) fields.hmac('outputHmacs', digest);
      ranges.push([from, fields.length]);
      return {
        inputs: arrayOf(TEXT, given),
        outputs: arrayOf(DOUBLE, numbers),
        outputStatuses: statuses.slice(0, views.length),
        inputHmacs: digests,
        outputHmacs: digests,
      };
    });
    const { written: buffer } = fields;
    const vectors = request.vectors.map((vector, r) => {
      return { ...vector, computed: { buffer, from: ranges[r]![0], to: ranges[r]![1] } };
    });
    const inputNames = inputs.map(({ name }) => name);
    const inputPolicies = inputs.map(({ policy }) => policy);
    return { request: { ...request, vectors, inputNames, inputPolicies, onDemand: views }, found };
  });
let inputsEnd = 0;

/** As rows have it, behind the header. */
function arrayOf(type: ValueType, values: readonly Value[]): Buffer {
  const features = values.map((_, i) => ({ name: String(i), type }));
  return new RowEncoder({ definitionId: 0, features }).encode(0, 0, 0, values).subarray(HEADER_BYTES);
}

describe('a served request', () => {
  test('given with a ready head and ready vectors it is logged as the same bytes', () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        const vectors = request.vectors.map((vector) => ({ ...vector, image: encodeServedVector(vector) }));
        const [plain, copied] = [new RecordEncoder('pod', 7n), new RecordEncoder('pod', 7n)];
        plain.appendServed(request, 1);
        copied.appendServed({ ...request, vectors, head: encodeServedHead(request) }, 1);
        expect(copied.frames().equals(plain.frames())).toBe(true);
      }),
    );
  });

  test('written by hand is read back by protobufjs as it was', () => {
    const encoder = new RecordEncoder('pod-é', EPOCH);
    fc.assert(
      fc.property(
        fc.array(anyRequest, { minLength: 1, maxLength: 3 }),
        fc.maxSafeNat(),
        (requests, start) => {
          encoder.clear();
          const first = Math.max(1, start - requests.length);
          requests.forEach((request, i) => expect(encoder.appendServed(request, first + i)).toBe(true));
          const read = payloads(encoder);
          expect(read.map(({ sequence }) => sequence)).toEqual(requests.map((_, i) => first + i));
          for (const [i, { payload }] of read.entries()) {
            expect(decodeRecord(payload)).toEqual({
              kind: 'served',
              record: asLogged(requests[i]!, first + i),
            });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('has what was computed for its vectors, beside ready rows and others', () => {
    const encoder = new RecordEncoder('pod-é', EPOCH);
    fc.assert(
      fc.property(anyComputed, ({ request, found }) => {
        encoder.clear();
        encoder.appendServed(request, 7);
        const plain = Buffer.from(encoder.frames());
        const { payload } = payloads(encoder)[0]!;
        const { vectors } = request;
        expect(contentOf(payload, 0, payload.length)).toBe('served');
        const asked = { ...request, vectors: vectors.map(({ keys, rows }) => ({ keys, rows })) };
        expect(decodeRecord(payload)).toEqual({ kind: 'served', record: asLogged(asked, 7, found) });
        const ready = vectors.map(({ computed, ...vector }) => {
          const { buffer } = encodeServedVector(vector);
          return { keys: [], rows: [], computed, image: new ReadyBytes(buffer, VECTOR_HEAD_BYTES) };
        });
        encoder.clear();
        encoder.appendServed({ ...request, vectors: ready, head: encodeServedHead(request) }, 7);
        expect(encoder.frames().equals(plain)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('with on-demand views has the bytes that it always had', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    const fields = new ComputedFields();
    fields.open('inputs', 2);
    fields.add(DOUBLE, 12.5);
    fields.add(TEXT, null);
    fields.close();
    fields.open('outputs', 1);
    fields.add(DOUBLE, -0);
    fields.close();
    fields.statuses([0, 4], 0, 2);
    fields.hmac('inputHmacs', Buffer.alloc(32, 7));
    const request = servedRequest('golden', 30);
    const computed = { buffer: fields.written, from: 0, to: fields.length };
    const vectors = request.vectors.map((vector) => ({ ...vector, computed }));
    const onDemand = [
      { role: 'trip', view: 'trip', definitionId: 0xdead_beef, outputPolicies: [] },
      { role: 'fee', view: 'fee@v2', definitionId: 1, outputPolicies: [2] },
    ];
    const inputs = { inputNames: ['cart_value', 'coupon'], inputPolicies: [0, 1], hmacKeyId: 'k1' };
    encoder.appendServed({ ...request, vectors, onDemand, ...inputs }, 9);
    const golden = goldenFrames('served-on-demand.hex');
    expect(encoder.frames().toString('hex')).toBe(golden);
    const { payload } = payloadsIn(Buffer.from(golden, 'hex'))[0]!;
    const read = vectors.map(() => ({ outputStatuses: [0, 4], inputHmacs: [Buffer.alloc(32, 7)] }));
    expect(decodeRecord(payload)).toMatchObject({ record: { onDemand, ...inputs, vectors: read } });
  });

  test('has the bytes that it always had', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    const request = servedRequest('golden', 30);
    const keys = ['17850', null];
    const vectors = request.vectors.map((vector) => ({ ...vector, keys }));
    encoder.appendServed({ ...request, keyNames: ['a', 'b'], vectors, answer: Buffer.from('{}') }, 9);
    const golden = goldenFrames('served-record.hex');
    expect(encoder.frames().toString('hex')).toBe(golden);
    const { payload } = payloadsIn(Buffer.from(golden, 'hex'))[0]!;
    const logged = asLogged({ ...request, keyNames: ['a', 'b'], vectors, answer: Buffer.from('{}') }, 9);
    expect(decodeRecord(payload)).toEqual({ kind: 'served', record: { ...logged, pod: 'pod-1' } });
  });

  test('has the answer of one request in 1,000 where it is to be sampled, chosen by its id', () => {
    const answer = Buffer.from('the answer');
    const sampledOf = (ids: readonly string[]): string[] => {
      const encoder = new RecordEncoder('pod-1', EPOCH);
      return ids.filter((id) => {
        encoder.clear();
        encoder.appendServed({ ...servedRequest(id), answer, isSampled: true }, 1);
        return encoder.frames().includes(answer);
      });
    };
    for (const idOf of [
      (i: number) => `4f1d2c3b5a697887-${i}`,
      (i: number) => `${i}-é`,
      (i: number) => `r${i * 1_000}`,
    ]) {
      const ids = Array.from({ length: 20_000 }, (_, i) => idOf(i));
      const sampled = sampledOf(ids);
      // 20 are expected, with a standard deviation of 4.5.
      expect(sampled.length).toBeGreaterThan(4);
      expect(sampled.length).toBeLessThan(42);
      expect(sampledOf([...sampled, ids.find((id) => !sampled.includes(id))!])).toEqual(sampled);
    }
  });

  test('of 50 rows names its views once', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    const [vector] = servedRequest('r', 100).vectors;
    encoder.appendServed({ ...servedRequest('r'), vectors: Array.from({ length: 50 }, () => vector!) }, 1);
    expect(encoder.bytes).toBeLessThan(50 * (100 + 24 + 50));
    expect(encoder.frames().toString('latin1').split('purchases@v2').length - 1).toBe(1);
  });

  test('above 256 KiB comes in parts whose chunks are the whole record', () => {
    const encoder = new RecordEncoder('pod-é', EPOCH);
    const request = servedRequest('large', 3 * MAX_PART_BYTES);
    encoder.appendServed(servedRequest('before'), 1);
    expect(encoder.appendServed(request, 2)).toBe(true);
    encoder.appendServed(servedRequest('after'), 3);
    const read = payloads(encoder);
    const parts = read.slice(1, -1).map(({ sequence, payload }) => {
      expect(sequence).toBe(2);
      expect(payload.length).toBeLessThanOrEqual(MAX_PART_BYTES);
      const part = decodeRecord(payload);
      if (part.kind !== 'part') throw new Error(part.kind);
      return part;
    });
    expect(parts.map(({ origin }) => origin.part)).toEqual([1, 2, 3, 4]);
    expect(new Set(parts.map(({ origin }) => origin.parts))).toEqual(new Set([4]));
    const whole = decodeRecord(Buffer.concat(parts.map(({ chunk }) => chunk)));
    expect(whole).toMatchObject({ record: { requestId: 'large', sequence: 2, part: 0, parts: 0 } });
    if (whole.kind !== 'served') throw new Error(whole.kind);
    const asked = request.vectors[0]!.rows[0]!.row as Buffer;
    expect(whole.record.vectors[0]!.rows[0]!.row!.equals(asked)).toBe(true);
    expect(decodeRecord(read.at(-1)!.payload)).toMatchObject({ record: { requestId: 'after', sequence: 3 } });
  });

  test('bytes that are handed in as Latin-1 text are the same record', () => {
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 255));
    const [asBytes, asText] = [bytes, bytes.toString('latin1')].map((row) => {
      const request = servedRequest('text');
      request.vectors[0]!.rows[0]!.row = row;
      const encoder = new RecordEncoder('pod-1', EPOCH);
      encoder.appendServed(request, 1);
      return encoder.frames();
    });
    expect(asText).toEqual(asBytes);
  });

  test('above 32 MiB is refused and leaves nothing behind', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    encoder.appendServed(servedRequest('before'), 1);
    const { bytes } = encoder;
    expect(encoder.appendServed(servedRequest('huge', MAX_RECORD_BYTES), 2)).toBe(false);
    expect(encoder.bytes).toBe(bytes);
    encoder.appendServed(servedRequest('after'), 2);
    expect(payloads(encoder).map(({ payload }) => decodeRecord(payload))).toMatchObject([
      { record: { requestId: 'before' } },
      { record: { requestId: 'after' } },
    ]);
  });

  test('may carry what this build does not write yet', () => {
    const type = protobuf.parse(servedProto()).root.lookupType('plumbline.served.v1.Record');
    const hmac = Buffer.alloc(32, 2);
    const message = type.fromObject({
      version: 1,
      pod: 'p',
      epoch: 5,
      sequence: 6,
      served: {
        bundle: '0123456789abcdef',
        keyNames: ['k'],
        views: [{ role: 'r', view: 'v', masked: true }],
        vectors: [{ keys: ['k'], rows: [{ row: Buffer.of(1), hmacs: [hmac] }], inputs: Buffer.of(3) }],
        inputNames: ['cart_value'],
        requestUs: 7,
        keyPolicies: [1],
        hmacKeyId: 'k1',
      },
    });
    expect(decodeRecord(Buffer.from(type.encode(message).finish()))).toMatchObject({
      kind: 'served',
      record: {
        inputNames: ['cart_value'],
        requestUs: 7,
        keyPolicies: [1],
        hmacKeyId: 'k1',
        vectors: [{ rows: [{ masked: true, hmacs: [hmac] }], inputs: Buffer.of(3), outputs: null }],
      },
    });
  });
});

describe('a heartbeat', () => {
  const range = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat(), fc.nat(3)).map(([a, b, reason]) => ({
    fromSequence: Math.max(1, Math.min(a, b)),
    toSequence: Math.max(1, a, b),
    reason,
  }));
  const anyHeartbeat: fc.Arbitrary<Heartbeat> = fc.record({
    atUs: fc.nat({ max: LAST_US }),
    highestSequence: fc.maxSafeNat(),
    served: fc.maxSafeNat(),
    shed: fc.maxSafeNat(),
    clockOffsetUs: fc.maxSafeInteger(),
    bundle: fc.constantFrom('', '0123456789abcdef'),
    version: fc.string(),
    engine: fc.string(),
    ranges: fc.array(range, { maxLength: 3 }),
  });

  test('is read back as it was', () => {
    const encoder = new RecordEncoder('pod-é', EPOCH);
    fc.assert(
      fc.property(anyHeartbeat, fc.boolean(), (heartbeat, last) => {
        encoder.clear();
        encoder.appendHeartbeat(heartbeat, 5, last);
        const read = decodeRecord(payloads(encoder)[0]!.payload);
        expect(read).toMatchObject({ kind: last ? 'last' : 'heartbeat', heartbeat, origin: { sequence: 5 } });
      }),
    );
  });
});

describe('what is no record', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['other bytes', Buffer.from('not a record at all')],
    ['a later version', Buffer.of(0x08, 2)],
    ['no content', Buffer.of(0x08, 1, 0x20, 5)],
  ])('%s is refused', (_, bytes) => {
    expect(() => decodeRecord(bytes)).toThrow(TypeError);
  });
});
