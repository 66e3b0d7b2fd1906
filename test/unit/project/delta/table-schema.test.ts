import { expect, test } from 'vitest';
import type { ValueType } from '../../../../contract/value-type.ts';
import { parseType } from '../../../../contract/value-type.ts';
import { deltaTypeOf, grownSchema, schemaText } from '../../../../project/delta/table-schema.ts';

const int64: ValueType = { kind: 'int64' };
const float64: ValueType = { kind: 'float64' };

test('each type of the model has its type in Delta', () => {
  const struct: ValueType = {
    kind: 'struct',
    fields: [
      { name: 'a', type: { kind: 'int32' } },
      { name: 'b', type: { kind: 'list', of: { kind: 'timestamp' } } },
    ],
  };
  const scalars = ['bool', 'int32', 'int64', 'float32', 'float64', 'string', 'bytes', 'timestamp'];
  expect(scalars.map((name) => deltaTypeOf(parseType(name)!))).toEqual([
    'boolean',
    'integer',
    'long',
    'float',
    'double',
    'string',
    'binary',
    'timestamp',
  ]);
  const times = { type: 'array', elementType: 'timestamp', containsNull: true };
  expect(deltaTypeOf(struct)).toEqual({
    type: 'struct',
    fields: [
      { name: 'a', type: 'integer', nullable: true, metadata: {} },
      { name: 'b', type: times, nullable: true, metadata: {} },
    ],
  });
  expect(deltaTypeOf({ kind: 'map', of: float64 })).toEqual({
    type: 'map',
    keyType: 'string',
    valueType: 'double',
    valueContainsNull: true,
  });
});

test('a schema grows by what it lacks, and not where a column is there with another type or spelling', () => {
  const schema = schemaText([{ name: 'a', type: int64 }]);
  expect(grownSchema(schema, [{ name: 'a', type: int64 }])).toBe(schema);
  expect(grownSchema(schema, [{ name: 'b', type: float64 }])).toBe(
    schemaText([
      { name: 'a', type: int64 },
      { name: 'b', type: float64 },
    ]),
  );
  expect(grownSchema(schema, [{ name: 'a', type: float64 }])).toBeNull();
  expect(grownSchema(schema, [{ name: 'A', type: int64 }])).toBeNull();
});
