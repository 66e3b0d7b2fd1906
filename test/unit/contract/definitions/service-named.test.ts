import { expect, test } from 'vitest';
import { serviceNamed } from '../../../../contract/definitions/service-named.ts';
import type { FeatureService } from '../../../../contract/model.ts';

const services = new Map(
  ['basket_v1', 'rides'].map((name) => [name, { name, onDemand: [] } as unknown as FeatureService]),
);

test('a service is found by its name', () => {
  expect(serviceNamed({ services }, 'rides').name).toBe('rides');
});

test.each([
  ['baskt_v1', 'there is no service baskt_v1, did you mean "basket_v1"?'],
  ['fraud', 'there is no service fraud; there are basket_v1, rides'],
])('of %s the message says what there is', (name, message) => {
  expect(() => serviceNamed({ services }, name)).toThrow(
    expect.objectContaining({ code: 'REG_UNKNOWN', message: expect.stringContaining(message) }),
  );
});

test('where there is none it says so', () => {
  expect(() => serviceNamed({ services: new Map() }, 'rides')).toThrow(
    'there is no service rides; there are none',
  );
});
