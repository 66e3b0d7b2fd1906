/** Rows of a step, as the state keeps them and reads them again. */
import { expect, test } from 'vitest';
import { tombstone } from '../../../../../contract/wire/online/row-header.ts';
import { RowBatch } from '../../../../../materializer/stream/state/row-batch.ts';

test('a batch that is read again has the same rows', () => {
  const batch = new RowBatch(41);
  const entities = ['1', '', 'ünï', 'x'.repeat(5_000), '["a","b"]'];
  for (const [i, entity] of entities.entries()) {
    const header = { definitionId: 7, eventUs: 10 * i, createdUs: 11, writtenMs: 0 };
    batch.add(entity, 10 * i, Buffer.concat([tombstone(header), Buffer.alloc(i * 1_000, i)]));
  }
  const read = RowBatch.read(41, Buffer.from(batch.bytes()));
  expect([read.size, read.first, read.last]).toEqual([5, 41, 45]);
  expect(read.entities).toEqual(entities);
  expect(read.eventUs).toEqual([0, 10, 20, 30, 40]);
  for (let i = 0; i < batch.size; i++) expect(read.row(i)).toEqual(batch.row(i));
});
