import { expect, test } from 'vitest';
import { serviceDetails } from '../../../registry/definition-diff.ts';
import { Guard } from '../../../registry/guard.ts';
import type { Definitions, FeatureService } from '../../../contract/model.ts';

function service(view: string): FeatureService {
  return {
    name: 'rank_v1',
    features: [{ view, role: 'stats', feature: 'rate', fullName: 'stats__rate' }],
    views: [{ role: 'stats', view, requestKeys: ['driver_id'] }],
    onDemand: [],
    requestKeys: [{ name: 'driver_id', type: 'int64' }],
    inputs: [],
    tensor: 'float64',
    consumers: [],
    description: null,
    owner: null,
    tags: [],
  } as unknown as FeatureService;
}

test('a role that is filled by another view is row logic, though every name stays', () => {
  const [detail, ...others] = serviceDetails(service('hourly'), service('daily'), false);
  expect(others).toEqual([]);
  expect(detail).toMatchObject({
    option: 'features',
    meaning: 'row',
    sentence: 'stats is view hourly -> daily',
  });
  expect(serviceDetails(service('daily'), service('daily'), false)).toEqual([]);
});

test('of a consumer that was removed more than once the last time counts', () => {
  const none = { views: new Map(), services: new Map() } as unknown as Definitions;
  const gone = { service: 'rank_v1', model: 'ranker', owner: 'risk' };
  const removed = [1, 2, 3].map((removedUs) => ({ ...gone, removedUs }));
  const [refusal] = new Guard(none, none, removed).ofDeletedService(service('hourly'));
  expect(refusal!.services[0]!.consumers).toEqual([{ model: 'ranker', owner: 'risk', removedUs: 3 }]);
});
