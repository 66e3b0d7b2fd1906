/** When a sidecar says that it is ready, and why not. */
import { describe, expect, test } from 'vitest';
import { Readiness } from '../../../../sidecar/process/readiness.ts';

const READ = { kind: 'read', reason: null, saysDown: false } as const;
const SILENT = { kind: 'waiting', reason: 'connect ECONNREFUSED', saysDown: false } as const;
const DOWN = { kind: 'waiting', reason: 'CLUSTERDOWN', saysDown: true } as const;
const REFUSED = { kind: 'refused', reason: 'WRONGPASS', saysDown: false } as const;

function open(): Readiness {
  const readiness = new Readiness(1_000);
  readiness.opened();
  return readiness;
}

describe('readiness', () => {
  test('begins when the port is open and the store was read, and not before', () => {
    const readiness = new Readiness(0);
    expect(readiness.state(READ, 50)).toMatchObject({ ready: false, reason: 'it starts' });
    readiness.opened();
    expect(readiness.state(READ, 60)).toEqual({ ready: true, reason: '', alarmed: false });
  });

  test('is refused for good while the store refuses, with the reason, and mended by an answer', () => {
    const readiness = open();
    for (const nowMs of [1_001, 31_001, 10_000_000]) {
      const { ready, reason } = readiness.state(REFUSED, nowMs);
      expect([ready, reason]).toEqual([false, expect.stringMatching(/refuses.*WRONGPASS/)]);
    }
    expect(readiness.state(READ, 10_000_001).ready).toBe(true);
  });

  test('waits for a file of the login without calling that hopeless', () => {
    const readiness = open();
    const { ready, reason } = readiness.state({ ...REFUSED, reason: 'no file', lacksFile: true }, 10_000_000);
    expect([ready, reason]).toEqual([false, 'the online store was not read yet: no file']);
  });

  test('comes after 30 s of silence, alarmed; a refusal behind it still counts', () => {
    const readiness = open();
    expect(readiness.state(SILENT, 30_999)).toMatchObject({ ready: false, alarmed: false });
    expect(readiness.state(SILENT, 31_000)).toMatchObject({
      ready: true,
      alarmed: true,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
    expect(readiness.state(REFUSED, 32_000).ready).toBe(false);
    expect(readiness.state(READ, 33_000)).toEqual({ ready: true, reason: '', alarmed: false });
  });

  test('comes after 5 s where the store answers that it is down: an outage, and no silence', () => {
    const readiness = open();
    expect(readiness.state(DOWN, 5_999)).toMatchObject({ ready: false });
    expect(readiness.state(DOWN, 6_000)).toMatchObject({
      ready: true,
      alarmed: true,
      reason: expect.stringContaining('in 5 s: CLUSTERDOWN'),
    });
  });

  test('once the store was read stays, whatever becomes of the store', () => {
    const readiness = open();
    readiness.state(READ, 2_000);
    expect(readiness.state(SILENT, 3_000).ready).toBe(true);
    expect(readiness.state(REFUSED, 3_000).ready).toBe(true);
  });

  test('ends with the signal to stop, for good', () => {
    const readiness = open();
    readiness.state(READ, 2_000);
    readiness.drains();
    readiness.opened();
    expect(readiness.state(READ, 3_000)).toMatchObject({
      ready: false,
      reason: expect.stringContaining('stops'),
    });
  });
});
