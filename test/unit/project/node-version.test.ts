import { expect, test } from 'vitest';
import { checkNodeVersion } from '../../../project/node-version.ts';

test.each(['22.22.0', '22.23.3', '22.100.1'])('Node %s runs it', (version) => {
  expect(() => checkNodeVersion(version)).not.toThrow();
});

test.each(['20.20.2', '22.21.9', '23.0.0', '24.11.0', '18.0.0'])(
  'Node %s is told in one sentence',
  (version) => {
    expect(() => checkNodeVersion(version)).toThrow(
      new RegExp(`^Plumbline needs Node 22 \\(22\\.22 or later\\); this is ${version}$`),
    );
  },
);
