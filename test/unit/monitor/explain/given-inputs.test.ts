/** What `--input` takes of an input: the very values that the sidecar takes, and no other. */
import { expect, test } from 'vitest';
import type { FeatureService } from '../../../../contract/model.ts';
import { parseType } from '../../../../contract/value-type.ts';
import { givenInputs } from '../../../../monitor/explain/computed/given-inputs.ts';

const TYPES = {
  big: 'int64',
  share: 'float64',
  note: 'string',
  tags: 'list<int64>',
  when: 'timestamp',
  raw: 'bytes',
};
const inputs = Object.entries(TYPES).map(([name, type]) => {
  return {
    name,
    type: parseType(type)!,
    optional: name === 'share',
    requestTime: false,
    log: 'raw' as const,
  };
});
const SHOP: Pick<FeatureService, 'name' | 'inputs'> = { name: 'shop', inputs };

// prettier-ignore
test.each([
  ['big=9223372036854775807', 9_223_372_036_854_775_807n],
  ['big=-9007199254740993', -9_007_199_254_740_993n],
  ['big="9223372036854775807"', 9_223_372_036_854_775_807n],
  ['big=9007199254740991', 9_007_199_254_740_991n],
  ['big=9223372036854775808', '--input big should be int64, got the string "9223372036854775808"'],
  ['big=999999.99999999999', '--input big should be int64, got the number 999999.99999999999'],
  ['big=null', '--input big is null, and not optional'],
  ['share=1e999', '--input share should be float64, got a number past its range'],
  ['share=NaN', Number.NaN],
  ['share=-0', -0],
  ['share=null', null],
  ['note=null', 'null'],
  ['note=a=b', 'a=b'],
  ['tags=[1, "9223372036854775807", null]', [1n, 9_223_372_036_854_775_807n, null]],
  ['tags=[1, 2.5]', '--input tags[1] should be int64, got the number 2.5'],
  ['when=2026-01-02T03:04:05Z', 1_767_323_045_000_000n],
  ['raw=AAE=', Uint8Array.of(0, 1)],
  ['note', '--input: expected name=value, got note'],
  ['cart=1', '--input: shop takes no input cart'],
])('%s', (text, expected) => {
  const given = (): unknown => givenInputs(SHOP, [text]).get(text.split('=')[0]!);
  if (typeof expected === 'string' && expected.startsWith('--input')) expect(given).toThrow(expected);
  else expect(given()).toEqual(expected);
});
