import { expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { SpoolRoom } from '../../../../sidecar/spool/spool-room.ts';

let used = 0;
const said: string[] = [];
const logger = {
  ...silentLogger,
  info: (line: string) => void said.push(line),
  warn: (line: string) => void said.push(line),
};

test('is full from what does not fit until some of it is deleted, and says both once', () => {
  const room = new SpoolRoom({ folder: '/spool', maxBytes: 1_000, onFull: 'reject', logger }, () => used);
  expect([room.fits(1_000), room.isFull]).toEqual([true, false]);
  used = 900;
  expect([room.fits(101), room.isFull]).toEqual([false, true]);
  // A heartbeat may pass the limit; that is no room.
  used = 1_100;
  expect(room.isFull).toBe(true);
  expect(() => room.fits(101)).toThrow('what is full is not offered any more');
  used = 500;
  expect([room.isFull, room.fits(500)]).toEqual([false, true]);
  expect(said).toEqual([
    'the spool in /spool is full (log.maxBytes 1000): requests are refused',
    'the spool in /spool has room again',
  ]);
});
