/** The lease of a view, on a real registry. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ViewLease } from '../../../../materializer/run/view-lease.ts';
import { RegistryDatabase } from '../../../../project/database/registry-database.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const view = { id: 'orders' };
let database: RegistryDatabase;
let other: RegistryDatabase;

beforeEach(async () => {
  const url = { kind: 'sqlite', url: join(scratchFolder(), 'registry.db') } as const;
  database = await RegistryDatabase.open(url);
  other = await RegistryDatabase.open(url);
});
afterEach(async () => {
  await database.close();
  await other.close();
});

test('one machine at a time has it; the other is told who and until when', async () => {
  const first = await ViewLease.take(database, view, 'one');
  expect(first.number).toBe(1);
  await expect(ViewLease.take(other, view, 'two')).rejects.toMatchObject({
    code: 'MAT_BUSY',
    message: expect.stringMatching(
      /^another run of orders is under way on one; unless it goes on, its lease ends at 20/,
    ),
  });
  await first.hold();
  expect((await ViewLease.take(other, { id: 'drivers' }, 'two')).number).toBe(1);
  await first.release();
  const second = await ViewLease.take(other, view, 'two');
  expect(second.number).toBe(2);
  await expect(first.hold()).rejects.toMatchObject({ code: 'MAT_LEASE' });
  await second.release();
});

test('of ten that ask at once one has it', async () => {
  const asked = Array.from({ length: 10 }, (_, i) =>
    ViewLease.take(i % 2 === 0 ? database : other, view, `machine-${i}`),
  );
  const answers = await Promise.allSettled(asked);
  const taken = answers.filter(({ status }) => status === 'fulfilled');
  expect(taken).toHaveLength(1);
});

test('that of a dead run of the same machine is taken over at once, that of another one when it has ended', async () => {
  await ViewLease.take(database, view, 'one');
  const again = await ViewLease.take(database, view, 'one');
  expect(again.number).toBe(2);
  // A machine whose name begins like it is another one.
  await expect(ViewLease.take(other, view, 'on')).rejects.toMatchObject({ code: 'MAT_BUSY' });
  const nowMs = Date.now() + 61_000;
  const late = { holder: 'two x', nowMs, untilMs: nowMs + 1, over: 'two ' };
  expect(await other.leases.take(view.id, late)).toEqual({ holder: 'two x', number: 3, untilMs: nowMs + 1 });
  await expect(again.hold()).rejects.toMatchObject({ code: 'MAT_LEASE' });
});

test('to give back a lease that another has by now takes nothing from it', async () => {
  const first = await ViewLease.take(database, view, 'one');
  const second = await ViewLease.take(database, view, 'one');
  await first.release();
  await second.hold();
});

test('a process that was stopped for longer than its lease finds out before it writes', async () => {
  const first = await ViewLease.take(database, view, 'one');
  // Nobody was asked: the last answer is new enough.
  await other.leases.take(view.id, { holder: 'one x', nowMs: 0, untilMs: Date.now() + 60_000, over: 'one ' });
  await first.stillHeld();
  const stoppedMs = performance.now() + 60_001;
  const now = vi.spyOn(performance, 'now').mockImplementation(() => stoppedMs);
  try {
    await expect(first.stillHeld()).rejects.toMatchObject({ code: 'MAT_LEASE' });
    const woken = await ViewLease.take(database, { id: 'drivers' }, 'one');
    await woken.stillHeld();
  } finally {
    now.mockRestore();
  }
});

test('a group shares a lease, and the last of it to go gives it back', async () => {
  const members = ['a', 'b', 'c'].map((member) => ({ group: 'clicks', member, isFirst: false }));
  const [a, b] = [
    await ViewLease.join(database, view, members[0]!, 'one'),
    await ViewLease.join(other, view, members[1]!, 'two'),
  ];
  expect([a.number, b.number]).toEqual([1, 1]);
  await expect(ViewLease.take(other, view, 'two')).rejects.toMatchObject({
    code: 'MAT_BUSY',
    message: expect.stringMatching(/^another run of orders is under way in the group clicks; unless/),
  });
  await expect(ViewLease.join(other, view, { ...members[2]!, group: 'orders' }, 'two')).rejects.toMatchObject(
    {
      code: 'MAT_BUSY',
    },
  );
  await a.release();
  await b.hold();
  await expect(ViewLease.take(database, view, 'one')).rejects.toMatchObject({ code: 'MAT_BUSY' });
  expect(await database.leases.isMember(view.id, 'a', Date.now())).toBe(false);
  expect(await database.leases.isMember(view.id, 'b', Date.now())).toBe(true);
  await b.release();
  const alone = await ViewLease.take(database, view, 'one');
  expect(alone.number).toBe(2);
  await expect(b.hold()).rejects.toMatchObject({ code: 'MAT_LEASE' });
  await expect(ViewLease.join(other, view, members[1]!, 'two')).rejects.toMatchObject({ code: 'MAT_BUSY' });
});

test('a group whose members were all of this machine, and are dead, gives way to who has the lock', async () => {
  await ViewLease.join(database, view, { group: 'clicks', member: 'a', isFirst: true }, 'one');
  await expect(ViewLease.take(other, view, 'two')).rejects.toMatchObject({ code: 'MAT_BUSY' });
  const again = await ViewLease.join(database, view, { group: 'clicks', member: 'b', isFirst: true }, 'one');
  expect(again.number).toBe(1);
  expect(await database.leases.isMember(view.id, 'a', Date.now())).toBe(false);
  expect((await ViewLease.take(database, view, 'one')).number).toBe(2);
  await expect(again.hold()).rejects.toMatchObject({ code: 'MAT_LEASE' });
});
