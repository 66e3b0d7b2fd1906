/** Rows that are due against a history that is asked at every edge: counts in windows, events late and taken back. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newRows, OldRows } from '../../../../materializer/stream/windows/due-rows.ts';
import type { RowsAt } from '../../../../materializer/stream/windows/due-rows.ts';
import '../../../support/property-seed.ts';

const WINDOWS = [2, 5];
const LAST = 40;

/** An entity whose row at an edge is how many events each window holds. */
class Counted implements RowsAt {
  /** Edges at which events enter that are left. */
  readonly events: number[] = [];
  /** Edges of all that ever were. */
  readonly #tiles = new Set<number>();

  add(edges: readonly number[]): void {
    this.events.push(...edges);
    for (const edge of edges) this.#tiles.add(edge);
  }

  remove(edges: readonly number[]): void {
    for (const edge of edges) this.events.splice(this.events.indexOf(edge), 1);
  }

  rowAt(edge: number): number[] | null {
    if (!this.events.some((at) => at <= edge)) return null;
    return WINDOWS.map((window) => this.events.filter((at) => at <= edge && at > edge - window).length);
  }

  nextChange(after: number): number | null {
    const changes = [...this.#tiles].flatMap((at) => [at, ...WINDOWS.map((window) => at + window)]);
    const next = Math.min(...changes.filter((edge) => edge > after));
    return next === Infinity ? null : next;
  }
}

const step = fc.record({
  /** How many edges are complete by it. */
  moves: fc.integer({ min: 0, max: 6 }),
  late: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 3 }),
  early: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
  /** Whether an event is taken back: each draws for one that has a row. */
  back: fc.array(fc.boolean(), { maxLength: 30 }),
});

test('the newest row of each edge, carried forward, is the row of all events', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const entity = new Counted();
      const history = new Map<number, string | null>();
      let from = 0;
      for (const { moves, late, early, back } of steps) {
        entity.add(early.map((ahead) => from + ahead));
        const added = late.map((ago) => from - ago).filter((edge) => edge > 0);
        const gone = entity.events.filter((edge, i) => edge <= from && back[i] === true);
        const edges = [...added, ...gone];
        const due = { from, to: Math.min(LAST, from + moves), windows: WINDOWS };
        const reach = Math.max(...edges) + Math.max(...WINDOWS);
        const old = edges.length === 0 ? null : new OldRows(entity, { edges, reach }, due);
        entity.add(added);
        entity.remove(gone);
        for (const { edge, row } of [...(old?.restated(entity) ?? []), ...newRows(entity, due)])
          history.set(edge, row?.join() ?? null);
        from = due.to;
        for (let edge = 0; edge <= from; edge++) {
          const newest = Math.max(...[...history.keys()].filter((at) => at <= edge));
          const answer = newest === -Infinity ? null : history.get(newest)!;
          expect({ edge, answer }).toEqual({ edge, answer: entity.rowAt(edge)?.join() ?? null });
        }
      }
    }),
    { numRuns: 500 },
  );
});
