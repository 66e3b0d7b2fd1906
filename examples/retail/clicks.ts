/**
 * Makes up the clicks of the shop's customers in the evening, the same ones each time: its real customers look at its
 * real goods. Visitors come one after the other, click every few seconds for some minutes, and some come back.
 *
 *   data/clicks/   files of JSON lines, in the order of their names; a file appears whole, with the time of its writing
 */
import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { seededRandom } from '../../loadtest/generator/key-choice.ts';
import type { Random } from '../../loadtest/generator/key-choice.ts';
import type { Catalogue, Good } from './prepare.ts';

export interface Click {
  readonly click_id: string;
  readonly customer_id: number;
  /** Microseconds since 1970. */
  readonly at: number;
  readonly page: string | null;
  readonly query: string | null;
  readonly basket_change: number | null;
}

const SEED = 1209;
const SECOND_US = 1_000_000;
/** Means. */
const BETWEEN_VISITS_US = 3 * SECOND_US;
const BETWEEN_CLICKS_US = 5 * SECOND_US;
const CLICKS_MAX = 40;

/** @returns the clicks of [fromUs, toUs), the oldest first */
export function eveningClicks(catalogue: Catalogue, fromUs: number, toUs: number): Click[] {
  const random = seededRandom(SEED);
  const clicks: Omit<Click, 'click_id'>[] = [];
  for (let us = fromUs; us < toUs; us += waitUs(random, BETWEEN_VISITS_US))
    clicks.push(...visitOf(pick(random, catalogue.customers), us, catalogue.goods, random));
  return clicks
    .filter(({ at }) => at < toUs)
    .toSorted((a, b) => a.at - b.at)
    .map((click, nth) => ({ click_id: `c${nth}`, ...click }));
}

function* visitOf(
  customer: number,
  fromUs: number,
  goods: readonly Good[],
  random: Random,
): Generator<Omit<Click, 'click_id'>> {
  let at = Math.floor(fromUs);
  let good = pick(random, goods);
  let held: number[] = [];
  const count = 1 + Math.floor(random() ** 2 * CLICKS_MAX);
  for (let nth = 0; nth < count; nth++) {
    const click = { customer_id: customer, at, page: null, query: null, basket_change: null };
    const chance = random();
    if (chance < 0.15) yield { ...click, page: '/search', query: (good = pick(random, goods)).category };
    else if (chance < 0.3 && nth > 0) {
      held.push(good.price);
      yield { ...click, basket_change: good.price };
    } else if (chance < 0.34 && held.length > 0) yield { ...click, basket_change: -held.pop()! };
    else yield { ...click, page: `/goods/${(good = pick(random, goods)).stockCode}` };
    at += Math.floor(waitUs(random, BETWEEN_CLICKS_US));
  }
}

/** Exponential: nobody waits for anybody. */
function waitUs(random: Random, meanUs: number): number {
  return -Math.log(1 - random()) * meanUs;
}

function pick<T>(random: Random, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!;
}

/** Puts clicks into the stream's folder as one more file, written at a time. */
export function writeClicks(folder: string, clicks: readonly Click[], writtenUs: number): void {
  if (clicks.length === 0) return;
  const incoming = join(folder, 'data', 'clicks');
  makeFolder(incoming);
  const name = `${writtenUs}.jsonl`;
  const aside = join(incoming, `_${name}`);
  writeFileSync(aside, clicks.map((click) => `${JSON.stringify(click)}\n`).join(''));
  utimesSync(aside, writtenUs / 1e6, writtenUs / 1e6);
  renameSync(aside, join(incoming, name));
}
