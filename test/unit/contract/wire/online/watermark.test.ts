/** Any text of a marker, and any header of a row: what the sidecar makes of them is a record that readers take. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TIME_END_US } from '../../../../../contract/std/timestamp.ts';
import { contentOf } from '../../../../../contract/wire/log/record-content.ts';
import { RecordEncoder } from '../../../../../contract/wire/log/served-encoder.ts';
import { FRAME_HEADER_BYTES } from '../../../../../contract/wire/log/spool-frame.ts';
import { HEADER_BYTES } from '../../../../../contract/wire/online/row-header.ts';
import { parseWatermark } from '../../../../../contract/wire/online/watermark.ts';
import { servedRequest } from '../../../../support/fixtures/served-requests.ts';

test.each([
  ['0', 0],
  ['1764288000000000', 1_764_288_000_000_000],
  [String(TIME_END_US - 1), TIME_END_US - 1],
  [String(TIME_END_US), null],
  ['99999999999999999', null],
  ['9223372036854775807', null],
  ['-5', null],
  ['1.5', null],
  ['1e3', null],
  ['0x10', null],
  [' 1', null],
  ['1\n', null],
  ['', null],
  ['NaN', null],
  ['Infinity', null],
])('the marker %j', (text, us) => {
  expect(parseWatermark(text)).toBe(us);
});

test('the record of an answer under any marker verifies', () => {
  const text = fc.oneof(fc.string(), fc.bigInt().map(String), fc.double().map(String));
  const header = fc.uint8Array({ minLength: HEADER_BYTES, maxLength: HEADER_BYTES + 8 });
  fc.assert(
    fc.property(text, header, (marker, row) => {
      const request = servedRequest('r');
      const raw = Buffer.from(row).toString('latin1');
      for (const vector of request.vectors) {
        for (const each of vector.rows)
          Object.assign(each, { watermarkUs: parseWatermark(marker) ?? 0, row: raw });
      }
      const encoder = new RecordEncoder('pod-1', 7n);
      encoder.appendServed(request, 1);
      const frame = encoder.frames();
      expect(contentOf(frame, FRAME_HEADER_BYTES, frame.length)).toBe('served');
    }),
  );
});
