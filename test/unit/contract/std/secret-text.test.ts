import fc from 'fast-check';
import { expect, test } from 'vitest';
import { withoutPassword } from '../../../../contract/std/secret-text.ts';

test.each([
  ['redis://h:1/0', 'redis://h:1/0'],
  ['redis://:p@h:1/0', 'redis://:***@h:1/0'],
  ['redis://u:p@h', 'redis://u:***@h'],
  ['redis://:p@ss@h', 'redis://:***@h'],
  ['redis://p@h', 'redis://***@h'],
  ['redis://h/0?password=p', 'redis://h/0?password=***'],
  ['redis://h/0?db=1&password=p@q&x=1', 'redis://h/0?db=1&password=***&x=1'],
  [
    'https://h/f?token=p&api_key=q&Secret=r&auth=s&passwd=t',
    'https://h/f?token=***&api_key=***&Secret=***&auth=***&passwd=***',
  ],
  ['redis+cluster://u:p@h1,h2:3', 'redis+cluster://u:***@h1,h2:3'],
  ['postgres://u:p@h/db?sslmode=require', 'postgres://u:***@h/db?sslmode=require'],
  ['redis:/:p@h', '***@h'],
  [':p@h:6379', '***@h:6379'],
  ['definitions/@scope/*.ts', 'definitions/@scope/*.ts'],
  ['.plumb/spool', '.plumb/spool'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutPassword(text)).toBe(shown);
});

test('no password in front of the last @ is ever shown', () => {
  const secret = fc.string({ minLength: 1 }).map((text) => `S3CR3T${text}S3CR3T`);
  fc.assert(
    fc.property(
      secret,
      fc.constantFrom('redis://', 'rediss+cluster://', 'redis:/', ''),
      (password, scheme) => {
        expect(withoutPassword(`${scheme}:${password}@h:1/0`)).not.toContain('S3CR3T');
      },
    ),
  );
});
