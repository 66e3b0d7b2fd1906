import { expect, test } from 'vitest';
import {
  haveSameKeys,
  rowSchemaFromJson,
  rowSchemaFromText,
  rowSchemaOf,
  rowSchemaToJson,
} from '../../../../contract/definitions/definition-json.ts';
import type { Entity } from '../../../../contract/model.ts';
import { customer, spend } from '../../../support/fixtures/serving-fixture.ts';

const route: Entity = {
  ...customer,
  joinKeys: [
    { name: 'from', type: 'int64' },
    { name: 'to', type: 'string' },
  ],
};

test('the schema of rows says whose they are, and is the same after JSON', () => {
  const schema = rowSchemaOf(spend, route);
  expect(schema).toMatchObject({ entity: 'customer', joinKeys: route.joinKeys });
  expect(rowSchemaFromJson(rowSchemaToJson(schema))).toEqual(schema);
});

test.each(['entity', 'joinKeys'])(
  'one that lacks its %s is refused: nobody can tell whose its rows are',
  (field) => {
    const json = { ...rowSchemaToJson(rowSchemaOf(spend, route)) };
    expect(() => rowSchemaFromJson({ ...json, [field]: undefined })).toThrow('whose rows');
  },
);

test('join keys are the same by entity, number, order, name and type, and by nothing else', () => {
  const schema = rowSchemaOf(spend, route);
  expect(haveSameKeys(schema, { ...rowSchemaOf(spend, { ...route }), definitionId: 1, features: [] })).toBe(
    true,
  );
  const [from, to] = route.joinKeys;
  for (const joinKeys of [
    [],
    [from!],
    [from!, to!, { name: 'via', type: 'int64' as const }],
    [to!, from!],
    [from!, { ...to!, name: 'till' }],
    [{ ...from!, type: 'int32' as const }, to!],
  ]) {
    expect(haveSameKeys(schema, { ...schema, joinKeys })).toBe(false);
    expect(haveSameKeys({ ...schema, joinKeys }, schema)).toBe(false);
  }
  expect(haveSameKeys(schema, { ...schema, entity: 'trip' })).toBe(false);
});

test.each([
  ['null', 'null'],
  ['[]', 'a list'],
  ['7', 'a number'],
  ['"x"', 'a string'],
  ['true', 'a boolean'],
  ['not json \u001b[31m', 'other text'],
  ['', 'other text'],
  [{ definitionId: 'x' }, 'one without a definition id'],
  [{ features: null }, 'one whose keys or features have no name and type'],
  [{ features: [null] }, 'one whose keys or features have no name and type'],
  [{ features: [{ name: 'a', type: 7 }] }, 'one whose keys or features have no name and type'],
  [{ joinKeys: [[]] }, 'one whose keys or features have no name and type'],
])('a stored schema that is %j is told in a sentence', (stored, got) => {
  const whole = rowSchemaToJson(rowSchemaOf(spend, route));
  const text = typeof stored === 'string' ? stored : JSON.stringify({ ...whole, ...stored });
  expect(() => rowSchemaFromText(text)).toThrow(
    `a stored schema should be an object with definitionId, entity, joinKeys and features, got ${got}: materialize again`,
  );
});

test('a stored schema that lacks all is told so', () => {
  expect(() => rowSchemaFromText('{}')).toThrow('does not say whose rows');
});
