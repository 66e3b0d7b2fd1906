import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RecordScan, contentOf, originOf } from '../../../../../contract/wire/log/record-content.ts';
import { RecordEncoder } from '../../../../../contract/wire/log/served-encoder.ts';
import type { ServedRequest } from '../../../../../contract/wire/log/served-record.ts';
import { FRAME_HEADER_BYTES } from '../../../../../contract/wire/log/spool-frame.ts';
import { mutation } from '../../../../support/faults/hostile-records.ts';
import { anyRequest, servedRequest } from '../../../../support/fixtures/served-requests.ts';

const EPOCHS = [7n, 8n];

function payloadOf(request: ServedRequest, epoch: bigint, sequence = 1): Buffer {
  const encoder = new RecordEncoder('pod-1', epoch);
  encoder.appendServed(request, sequence);
  return Buffer.from(encoder.frames().subarray(FRAME_HEADER_BYTES));
}

describe('what a record holds', () => {
  test('is the same whatever records came before it', () => {
    const origins = EPOCHS.map((epoch) => originOf(epoch, 1));
    const one = fc.record({
      request: fc.oneof(
        anyRequest,
        fc.constant(servedRequest('r')),
        fc.constant(servedRequest('other id', 40)),
      ),
      epoch: fc.nat(1),
      claimed: fc.nat(1),
      mutate: fc.option(mutation, { nil: null }),
    });
    let [good, bad] = [0, 0];
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 8 }), (all) => {
        const payloads = all.map(({ request, epoch, mutate }) => {
          const payload = payloadOf(request, EPOCHS[epoch]!);
          return mutate === null ? payload : mutate(payload, 1);
        });
        // As the window of a reader holds them: one buffer for all.
        const window = Buffer.concat(payloads);
        let from = 0;
        for (const [i, payload] of payloads.entries()) {
          const to = from + payload.length;
          const origin = origins[all[i]!.claimed]!;
          const fresh = new RecordScan().record(window, from, to, origin);
          expect(contentOf(window, from, to, origin)).toBe(fresh);
          if (fresh === null) bad += 1;
          else good += 1;
          from = to;
        }
      }),
      { numRuns: 500 },
    );
    expect(Math.min(good, bad)).toBeGreaterThan(200);
  });

  test('is judged by every byte of it, though all others are known', () => {
    const origin = originOf(7n, 1);
    const payload = payloadOf(servedRequest('r'), 7n);
    for (let at = 0; at < payload.length; at++) {
      for (const bit of [1, 2, 4, 8, 16, 32, 64, 128]) {
        expect(contentOf(payload, 0, payload.length, origin)).toBe('served');
        const changed = Buffer.from(payload);
        changed[at]! ^= bit;
        const fresh = new RecordScan().record(changed, 0, changed.length, origin);
        expect(contentOf(changed, 0, changed.length, origin), `byte ${at}, bit ${bit}`).toBe(fresh);
      }
    }
  });

  test('ends where the record ends, not where known bytes do', () => {
    const origin = originOf(7n, 1);
    const payload = payloadOf(servedRequest('r'), 7n);
    expect(contentOf(payload, 0, payload.length, origin)).toBe('served');
    for (let to = 0; to < payload.length; to++) expect(contentOf(payload, 0, to, origin)).toBe(null);
  });

  test('counts what stands before the served time once, and not with what is known', () => {
    const origin = originOf(7n, 1);
    const payload = payloadOf({ ...servedRequest('r'), service: 'counted' }, 7n);
    const served = payload.indexOf(Buffer.from([0x20, 1, 0x42])) + 2;
    const time = payload.indexOf(0x11, served + 5);
    const name = Buffer.from([0x3a, 1, 0x61]);
    const odd = Buffer.concat([payload.subarray(0, time), name, payload.subarray(time)]);
    // The length takes four bytes, of seven bits each.
    odd[served + 1]! += name.length;
    expect(odd[served + 1]).toBeGreaterThan(127);
    for (const [bytes, content] of [
      [odd, null],
      [payload, 'served'],
      [odd, null],
      [payload, 'served'],
    ] as const) {
      expect(contentOf(bytes, 0, bytes.length, origin)).toBe(content);
    }
  });

  test('has the last of its numbers, also where one stands in what is known', () => {
    const payload = payloadOf(servedRequest('r'), 9n, 5);
    const number = payload.indexOf(Buffer.from([0x20, 5, 0x42]));
    const [start, rest] = [payload.subarray(0, number), payload.subarray(number + 2)];
    const numbered = (...numbers: number[]): Buffer =>
      Buffer.concat([start, ...numbers.map((n) => Buffer.from([0x20, n])), rest]);
    const origin = originOf(9n, 5);
    for (const numbers of [
      [3, 5],
      [5, 3],
    ]) {
      const bytes = numbered(...numbers);
      const content = numbers.at(-1) === 5 ? 'served' : null;
      expect(contentOf(bytes, 0, bytes.length, origin), String(numbers)).toBe(content);
    }
    const twice = numbered(3, 5);
    expect(contentOf(twice, 0, twice.length, origin)).toBe('served');
    origin.sequence = 3;
    const once = numbered(3);
    expect(contentOf(once, 0, once.length, origin)).toBe('served');
  });
});
