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

test('what the files of an open hour have is not known', () => {
  const state = new ArchiveState(NO_ARCHIVE);
  state.addFile(HOUR, 3);
  state.addOpen(HOUR, `_open/churn/v1.0/date=2026-01-02/hour=10/00000002.parquet`);
  expect(state.vectorsOf(HOUR)).toBeNull();
});
