/**
 * The rows of one view and partition against a look at every event again, without a source, an archive and a store:
 * random windows, lifetimes and sessions, events that are late or taken back, steps, saves and commits at random, and a
 * process that dies in between, at times with its state. Many more lives than ./stream.test.ts can afford.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { decodeRowValues } from '../../contract/wire/online/row-codec.ts';
import { HEADER_BYTES, readHeader } from '../../contract/wire/online/row-header.ts';
import type { HistoryOutput } from '../../materializer/stream/output/history-output.ts';
import { noCounts } from '../../materializer/stream/stream-counts.ts';
import type { RowBatch } from '../../materializer/stream/state/row-batch.ts';
import type { ReceivedEvent } from '../../materializer/stream/stream-event.ts';
import { ViewStream } from '../../materializer/stream/view-stream.ts';
import { countingEvents, naiveRow } from '../oracle/naive-aggregates.ts';
import type { RawEvent } from '../oracle/naive-aggregates.ts';
import { answerAt } from '../support/fixtures/raw-events.ts';
import type { FeatureSketch } from '../support/fixtures/aggregated-view.ts';
import { clickView, HOP_US } from '../support/fixtures/streamed-project.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';

const RUNS = Number(process.env['PLUMB_RUNS'] ?? 15);
const START_US = 1_000_000 * HOP_US;

/** Without ids: a deletion takes back an event of its values. */
const TAKEN_BACK = { id: null, op: { column: 'id', insert: ['add'], delete: ['del'] } };

type Draw = <T>(choices: readonly T[]) => T;
type Rows = Parameters<typeof answerAt>[0];

const FLOAT = { kind: 'float64' } as const;
const TEXT = { kind: 'string' } as const;
const AGGREGATIONS: readonly Omit<FeatureSketch, 'name'>[] = [
  { function: 'count' },
  { function: 'sum', column: 'price', columnType: FLOAT },
  { function: 'min', column: 'price', columnType: FLOAT },
  { function: 'first', column: 'page', columnType: TEXT },
  { function: 'last', column: 'page', columnType: TEXT },
  { function: 'duration' },
  { function: 'avg', column: 'price', columnType: FLOAT },
  { function: 'countDistinct', column: 'page', columnType: TEXT },
  { function: 'lastN', column: 'price', columnType: FLOAT, n: 2 },
  { function: 'approxCountDistinct', column: 'price', columnType: FLOAT },
];

function randomFeatures(draw: Draw): FeatureSketch[] {
  const lifetimes = draw([true, false, false]);
  return Array.from({ length: draw([1, 2, 4]) }, (_, i) => {
    const one = draw(AGGREGATIONS);
    const isSession = one.function === 'duration' || (AGGREGATIONS.indexOf(one) < 5 && draw([true, false]));
    const hops = draw([1, 2, 3, 5, 9]);
    if (isSession) return { name: `f${i}`, ...one, sessionUs: hops * HOP_US };
    return { name: `f${i}`, ...one, windowUs: lifetimes && draw([true, false]) ? null : hops * HOP_US };
  });
}

function randomEvents(random: () => number, draw: Draw): ReceivedEvent[] {
  let appendedUs = START_US + 100 * HOP_US;
  const left: ReceivedEvent[] = [];
  const backs = draw([0, 0, 0.2]);
  return Array.from({ length: draw([5, 30, 120]) }, (_, offset): ReceivedEvent => {
    appendedUs += Math.floor(random() * draw([0.2, 1, 1, 6, 40]) * HOP_US);
    const eventUs = appendedUs - Math.floor(random() ** 3 * 14 * HOP_US);
    const at = draw([eventUs, Math.floor(eventUs / HOP_US) * HOP_US]);
    const values = [
      draw(['ann', 'bob']),
      BigInt(at),
      draw(['a', 'b', null]),
      draw([1.25, -3, 7, null]),
      null,
    ];
    if (left.length > 0 && random() < backs) {
      const [taken] = left.splice(Math.floor(random() * left.length), 1);
      return { ...taken!, op: -1, offset, appendedUs };
    }
    const event = { values, eventUs: at, id: null, op: 1, offset, appendedUs } as const;
    left.push(event);
    return event;
  });
}

type WaitingRow = Parameters<HistoryOutput['add']>[0];

/** What the history keeps of a partition. */
class KeptHistory {
  committed: HistoryOutput['committed'] = {
    offset: 0,
    rowNumber: 0,
    watermarkUs: null,
    createdUs: 0,
    ownCreatedUs: null,
    lineage: null,
  };
  readonly rows = new Map<string, Map<number, Rows[number] & { createdUs: number }>>();
  readonly #view: ViewStream['view'];
  #waiting: (Rows[number] & WaitingRow)[] = [];

  constructor(view: ViewStream['view']) {
    this.#view = view;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** What a process that died had made waits in its state. */
  async begin(): Promise<void> {
    this.#waiting = [];
  }

  add(row: WaitingRow, values: Rows[number]['values'] | null): void {
    const { entity, eventUs, createdUs } = row;
    this.#waiting.push({ entity, eventUs, createdUs, deleted: values === null, values: values ?? [] });
  }

  addBatch(batch: RowBatch): void {
    for (const [i, entity] of batch.entities.entries()) {
      const row = batch.row(i);
      const gone = row.length === HEADER_BYTES;
      this.add({ entity, ...readHeader(row)! }, gone ? null : decodeRowValues(this.#view, row));
    }
  }

  async commit(made: Parameters<HistoryOutput['commit']>[0]): Promise<void> {
    for (const { entity, ...row } of this.#waiting) {
      const own = this.rows.get(entity) ?? new Map<number, never>();
      this.rows.set(entity, own);
      expect(row.createdUs).toBeGreaterThan(own.get(row.eventUs)?.createdUs ?? 0);
      own.set(row.eventUs, row);
    }
    this.#waiting = [];
    this.committed = { ...made, ownCreatedUs: made.createdUs };
  }

  of(entity: string): Rows {
    return [...(this.rows.get(entity)?.values() ?? [])].toSorted((a, b) => a.eventUs - b.eventUs);
  }
}

async function rehearse(random: () => number, folder: string): Promise<void> {
  const draw: Draw = (choices) => choices[Math.floor(random() * choices.length)]!;
  const { view, entity } = clickView(8 * HOP_US, randomFeatures(draw), TAKEN_BACK);
  const events = randomEvents(random, draw);
  const stateFile = join(folder, 'state.db');
  const horizonUs = draw([0, events[Math.floor(events.length / 3)]!.appendedUs]);
  const history = new KeptHistory(view);
  const open = async (): Promise<ViewStream> => {
    const opened = new ViewStream({
      view,
      entity,
      partition: 0,
      stateFile,
      owner: 'test',
      sourceId: 'test',
      horizonUs,
      history,
      counts: noCounts(),
      otherPartitionOf: () => null,
      warn: () => {},
      reject: () => {},
    });
    await opened.begin();
    return opened;
  };
  let stream = await open();
  let [at, nowUs] = [0, 0];
  /** How far the events before one have come. */
  const seen = [0];
  for (const { eventUs, appendedUs } of events)
    seen.push(Math.max(seen.at(-1)!, Math.min(eventUs, appendedUs)));
  async function* read({ fromOffset }: { readonly fromOffset: number }) {
    yield events.slice(fromOffset, at);
  }
  const step = async (kind: 'step' | 'save' | 'commit', seenUs = seen[at]!): Promise<void> => {
    if (stream.isSpoiled(seenUs)) await stream.remake(seenUs, read);
    stream.step(at, seenUs, nowUs);
    if (kind === 'step') return;
    if (stream.isSpoiled(Infinity)) await stream.remake(Infinity, read);
    stream.save(nowUs);
    if (kind === 'commit') await stream.commit();
  };
  while (at < events.length) {
    const event = events[at]!;
    stream.take(event);
    at += 1;
    nowUs = Math.max(nowUs, event.appendedUs);
    if (draw([true, false, false])) await step(draw(['step', 'save', 'commit']));
    if (draw([true, ...Array<boolean>(39).fill(false)])) {
      stream.close();
      if (draw([true, false, false])) rmSync(folder, { recursive: true });
      stream = await open();
      at = stream.offset;
    }
  }
  await step('commit', Math.max(seen[at]!, draw([0, nowUs, nowUs + 30 * HOP_US])));
  stream.close();
  rmSync(folder, { recursive: true, force: true });
  const rawOf = ({ values: [user, , page, price], eventUs, appendedUs }: ReceivedEvent): RawEvent => {
    return { keys: [user as string], eventUs, createdUs: appendedUs, values: { page: page!, price: price! } };
  };
  const countingOf = (op: 1 | -1): RawEvent[] =>
    countingEvents(view, events.filter((one) => one.op === op).map(rawOf), Infinity, horizonUs);
  const counting = countingOf(1);
  const same = (a: RawEvent, b: RawEvent): boolean =>
    a.eventUs === b.eventUs && a.keys[0] === b.keys[0] && isDeepStrictEqual(a.values, b.values);
  for (const back of countingOf(-1))
    counting.splice(
      counting.findIndex((one) => same(one, back)),
      1,
    );
  const untilUs = history.committed.watermarkUs ?? 0;
  for (const user of ['ann', 'bob']) {
    const own = counting.filter(({ keys }) => keys[0] === user);
    const stood = history.of(user);
    for (let edgeUs = START_US + 80 * HOP_US; edgeUs <= untilUs; edgeUs += HOP_US) {
      const values = answerAt(stood, edgeUs);
      expect({ user, edgeUs, values }).toEqual({ user, edgeUs, values: naiveRow(view, own, edgeUs) });
    }
  }
}

test('at every edge the rows say what a look at all events that count says', async () => {
  const random = seededRandom();
  const scratch = scratchFolder();
  for (let run = 0; run < RUNS; run++) await rehearse(random, join(scratch, String(run)));
}, 120_000);
