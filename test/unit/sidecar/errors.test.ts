import { expect, test } from 'vitest';
import { sidecarError } from '../../../sidecar/errors.ts';
import { feastErrorBody } from '../../../sidecar/surface/feast/feast.ts';
import { nativeErrorBody } from '../../../sidecar/surface/native/native.ts';

test('an error quotes what was sent, but never all of a megabyte', () => {
  const name = 'x'.repeat(1_000_000);
  const error = sidecarError('SRV_UNKNOWN_KEY', `there is no ${name}`, { field: `entities.${name}` });
  for (const body of [nativeErrorBody(error), feastErrorBody(error)]) expect(body.length).toBeLessThan(3_000);
  expect(error.details.help).toBe(sidecarError('SRV_UNKNOWN_KEY', 'short').details.help);
  expect(sidecarError('SRV_UNKNOWN_KEY', 'short', { field: 'f' }).message).toBe('short');
});
