import { expect, test } from 'vitest';
import {
  CLUSTER_SLOTS,
  clusterMarkerKey,
  clusterSlot,
  fieldOf,
  markerKey,
  MARKERS,
  schemaField,
  schemasKey,
  SLOTS_PER_MARKER,
} from '../../../../../contract/wire/online/online-layout.ts';

test('golden names', () => {
  // xxHash32 with seed 0, as the reference implementation has it: '' is 0x02cc5d05, 'a' is 0x550d7456.
  expect(fieldOf('').toString('hex')).toBe('02cc5d05');
  expect(fieldOf('a').toString('hex')).toBe('550d7456');
  expect(markerKey('p:')).toBe('p:fstore:~markers');
  expect(schemasKey('p:')).toBe('p:fstore:~schemas');
  expect(schemaField(0xbeef)).toBe('0000beef');
});

test('slots are those of the cluster specification', () => {
  expect(clusterSlot('123456789')).toBe(0x31c3 % CLUSTER_SLOTS);
  expect(clusterSlot('{user1000}.following')).toBe(clusterSlot('user1000'));
  expect(clusterSlot('foo{}{bar}')).not.toBe(clusterSlot('bar'));
  expect(clusterSlot('foo{{bar}}zap')).toBe(clusterSlot('{bar'));
  expect(clusterSlot('foo{bar}{zap}')).toBe(clusterSlot('bar'));
});

test('each group of 128 slots has one marker, and it lies in the group', () => {
  const keys = new Set<string>();
  for (let slot = 0; slot < CLUSTER_SLOTS; slot++) {
    const key = clusterMarkerKey('prefix:', slot);
    keys.add(key);
    expect(Math.floor(clusterSlot(key) / SLOTS_PER_MARKER)).toBe(Math.floor(slot / SLOTS_PER_MARKER));
  }
  expect(keys.size).toBe(MARKERS);
  // Golden: stores already written hold these names.
  expect(clusterMarkerKey('', 0)).toBe('fstore:~markers:{14}');
  expect(clusterMarkerKey('', CLUSTER_SLOTS - 1)).toBe('fstore:~markers:{44}');
});
