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
import type { Heartbeat, ServedRequest } from '../../../../../contract/wire/log/served-record.ts';
import {
  FRAME_HEADER_BYTES,
  epochCrc,
  frameAt,
  frameSequence,
} from '../../../../../contract/wire/log/spool-frame.ts';
import { LAST_US, anyRequest, servedRequest } from '../../../../support/fixtures/served-requests.ts';

const EPOCH = 0x8000_0000_0000_0001n;

function payloads(encoder: RecordEncoder): { sequence: number; payload: Buffer }[] {
  const frames = encoder.frames();
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

/** What comes back: the fields that the sidecar does not have yet are empty. */
function asLogged(request: ServedRequest, sequence: number): object {
  const vectors = request.vectors.map((vector) => ({
    keys: vector.keys,
    rows: vector.rows.map((row) => ({
      ...row,
      masked: false,
      hmacs: [],
      reason: row.status === UNAVAILABLE ? row.reason : 0,
    })),
    inputs: null,
    outputs: null,
  }));
  const origin = { pod: 'pod-é', epoch: '8000000000000001', sequence, part: 0, parts: 0 };
  return { ...request, vectors, ...origin, inputNames: [], requestUs: 0, keyPolicies: [], hmacKeyId: '' };
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

  test('has the bytes that it always had', () => {
    const encoder = new RecordEncoder('pod-1', EPOCH);
    const request = servedRequest('golden', 30);
    const keys = ['17850', null];
    const vectors = request.vectors.map((vector) => ({ ...vector, keys }));
    encoder.appendServed({ ...request, keyNames: ['a', 'b'], vectors, answer: Buffer.from('{}') }, 9);
    const golden = readFileSync(
      join(import.meta.dirname, '../../../../golden/served-record.hex'),
      'utf8',
    ).trim();
    expect(encoder.frames().toString('hex')).toBe(golden);
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
