/** What a logged answer says of stored features where the service computes others on demand among and behind them. */
import { expect, test } from 'vitest';
import type { Bundle } from '../../../../contract/model.ts';
import type { Value } from '../../../../contract/value-type.ts';
import { LoggedAnswer, answeredFeatures } from '../../../../monitor/answers/logged-answer.ts';
import { onDemandContent } from '../../../support/fixtures/on-demand-bundle.ts';

const bundle: Bundle = { ...onDemandContent(), hash: '0123456789abcdef' };
const service = bundle.services.get('ordered')!;
const features = answeredFeatures(bundle, service);
const total = features.find(({ name }) => name === 'spend__total')!;

test('the features that a function computes have their places among those of rows', () => {
  expect(features.map(({ name }) => name)).toEqual(service.features.map(({ fullName }) => fullName));
});

test('a column of Feast and of the tensor is found beside them', () => {
  // The join key, then ratio, total, label, points, price, tags and hour.
  const columns: Value[] = [1, 2, 25, 'Paris!', 7, 2.1, ['a'], 12];
  const feast = JSON.stringify({ results: columns.map((value) => ({ values: [value], statuses: [] })) });
  // Of these the numbers: ratio, total, points, price and hour.
  const tensor = { name: 'features', datatype: 'FP64', shape: [1, 5], data: [2, 25, 7, 2.1, 12] };
  const oip = JSON.stringify({ model_name: 'ordered', outputs: [tensor] });
  for (const [surface, text] of [
    ['feast', feast],
    ['oip', oip],
  ] as const) {
    const answer = new LoggedAnswer(Buffer.from(text), surface, features);
    expect(answer.says(0, total, 25), surface).toBe(true);
    expect(answer.says(0, total, 7), surface).toBe(false);
  }
});
