import { expect, test } from 'vitest';
import { ArchiveState, NO_ARCHIVE } from '../../../../project/archive/archive-state.ts';

const HOUR = '2026-01-02T10';

test('what a file had that was lost before it was counted stays unknown, also in the state that is written', () => {
  const state = new ArchiveState(NO_ARCHIVE);
  expect(state.vectorsOf(HOUR)).toBe(0);
  state.addFile(HOUR, 3);
  expect(state.vectorsOf(HOUR)).toBe(3);
  state.addFile(HOUR, null);
  state.addFile(HOUR, 4);
  expect(state.hours.get(HOUR)).toEqual({ files: 3, vectors: 7, unknown: 1 });
  expect(state.vectorsOf(HOUR)).toBeNull();
  expect(new ArchiveState(state.text()).vectorsOf(HOUR)).toBeNull();
});

test('what the files of an open hour have is known, until they are joined, also in the state that is written', () => {
  const [first, second] = [2, 3].map((n) => `_open/churn/v1.0/date=2026-01-02/hour=10/0000000${n}.parquet`);
  const state = new ArchiveState(NO_ARCHIVE);
  state.addFile(HOUR, 3);
  state.addOpen(HOUR, first!, 5);
  state.addOpen(HOUR, second!, 7);
  expect(state.vectorsOf(HOUR)).toBe(15);
  const read = new ArchiveState(state.text());
  expect(read.vectorsOf(HOUR)).toBe(15);
  expect(read.vectorsOfOpen(second!)).toBe(7);
  read.closeHour(HOUR);
  expect(read.vectorsOf(HOUR)).toBe(3);
  expect(read.vectorsOfOpen(second!)).toBeNull();
  expect(read.text()).toMatchObject({ open: {}, openVectors: {} });
});

test('what an older program has written of an open hour is not known', () => {
  const file = '_open/churn/v1.0/date=2026-01-02/hour=10/00000002.parquet';
  const state = new ArchiveState({ ...NO_ARCHIVE, open: { [HOUR]: [file] } });
  state.addOpen(HOUR, file.replace('2.parquet', '3.parquet'), 5);
  expect(state.vectorsOf(HOUR)).toBeNull();
});
