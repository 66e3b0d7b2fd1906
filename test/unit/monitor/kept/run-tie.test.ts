/** Whatever the judgement of a day depends on changes its tie; files, histories and runs: integration/monitor. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { runTie } from '../../../../monitor/kept/run-tie.ts';
import { scratchFolder } from '../../../support/scratch.ts';

type Day = Parameters<typeof runTie>[0];
type Served = Parameters<typeof runTie>[1];

const SECRET = { id: 'k1', secret: 'a' };

function dayOf(change: object): Day {
  return {
    date: '2026-01-02',
    hour: null,
    book: { current: { hash: 'b1', views: new Map() } },
    project: { settings: { bundles } },
    hmacKey: SECRET,
    log: { files: [], isOfSpool: false, leftOut: new Map([['of another service', 2]]) },
    ...change,
  } as unknown as Day;
}

let bundles: string;
beforeEach(() => {
  bundles = scratchFolder();
});

const served = (name: string): Served => ({ service: { name, views: [] } }) as unknown as Served;

interface Tied {
  readonly day?: object;
  readonly service?: string;
  readonly trained?: ReadonlyMap<string, number>;
  readonly code?: string;
}

async function tieOf({ day = {}, service = 'churn', trained = new Map([['f', 1]]), code = 'c' }: Tied) {
  return await runTie(dayOf(day), served(service), trained, code);
}

test('each part of it changes the tie, and the same parts give the same one', async () => {
  const log = (vectors: number) => ({
    files: [],
    isOfSpool: false,
    leftOut: new Map([['of another service', vectors]]),
  });
  const changed: readonly Tied[] = [
    {},
    { day: { date: '2026-01-03' } },
    { day: { hour: 3 } },
    { day: { book: { current: { hash: 'b2', views: new Map() } } } },
    { day: { hmacKey: null } },
    { day: { hmacKey: { ...SECRET, id: 'k2' } } },
    { day: { hmacKey: { ...SECRET, secret: 'b' } } },
    { day: { log: log(3) } },
    { service: 'other' },
    { trained: new Map([['f', 2]]) },
    { trained: new Map() },
    { code: 'd' },
  ];
  const ties = await Promise.all(changed.map(tieOf));
  expect(new Set(ties).size).toBe(changed.length);
  expect(await tieOf({ day: { log: log(2) } })).toBe(ties[0]);
  writeFileSync(join(bundles, 'another.json'), '');
  expect(await tieOf({})).not.toBe(ties[0]);
});
