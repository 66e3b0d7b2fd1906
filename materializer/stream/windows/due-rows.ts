/**
 * Which rows an entity gets when a stream's watermark has moved: those of the edges that are new, and those of older
 * edges that late events have touched. Pure.
 *
 *   candidates   edges at which a value can change: a tile enters at its edge, leaves a window's length later, and a
 *                session may be over a gap after it
 *   new edge     a row where the values differ from those before it
 *   old edge     a row where the values differ from what they were; and where the row before differs from what it was,
 *                and the values change here, since no row may stand here yet
 *
 * So the newest row of each (entity, edge), carried forward, is at every edge what a computation of all events gives.
 */

import type { Value } from '../../../contract/value-type.ts';

/** One value for each feature; null: the entity has no event, and no row. */
export type RowValues = readonly Value[] | null;

const NONE: ReadonlyMap<number, RowValues> = new Map();

/** What the rows of an entity are made of, as it stands; moved from edge to edge, forward and back. */
export interface RowsAt {
  /** @returns the values at an edge; null: the entity has no event before it */
  rowAt(edge: number): RowValues;
  /** @returns the first edge after one at which a value can change; null: there is none */
  nextChange(after: number): number | null;
}

/** Rows that stand in the history, by entity and edge. */
export interface RowsStanding {
  of(entity: string): ReadonlyMap<number, RowValues>;
}

export interface DueEdges {
  /** The newest edge whose rows were made. */
  readonly from: number;
  /** The newest edge that is complete now. */
  readonly to: number;
  /** After how many hops a tile may change a value again: the windows, without lifetimes, and the ends of sessions. */
  readonly windows: readonly number[];
}

/** Edges of tiles that late events change. */
interface LateEdges {
  readonly edges: readonly number[];
  /** The last edge whose row they may change; Infinity: all from them on. */
  readonly reach: number;
}

export interface DueRow {
  readonly edge: number;
  /** null: the entity has no event left, a tombstone. */
  readonly row: RowValues;
}

/** Rows of old edges as they are before late events count: asked for before, and held against those after. */
export class OldRows {
  readonly #after: number;
  readonly #rows = new Map<number, RowValues>();
  readonly #first: RowValues;

  constructor(entity: RowsAt, late: LateEdges, { from, windows }: DueEdges) {
    this.#after = Math.min(...late.edges) - 1;
    this.#first = entity.rowAt(this.#after);
    // With its first event an entity begins, and ends where that is taken back: up to its next one, past all windows.
    const until = this.#first === null ? from : Math.min(from, late.reach);
    const touched = late.edges.flatMap((edge) => [edge, ...windows.map((window) => edge + window)]);
    const edges = new Set(touched.filter((edge) => edge <= until));
    for (let at: number | null = this.#after; at !== null && at <= until; at = entity.nextChange(at))
      if (at > this.#after) edges.add(at);
    for (const edge of [...edges].toSorted((a, b) => a - b)) this.#rows.set(edge, entity.rowAt(edge));
  }

  /** @param entity  the same, with the late events in its tiles */
  restated(entity: RowsAt): DueRow[] {
    const rows: DueRow[] = [];
    let [row, old] = [this.#first, this.#first];
    for (const [edge, nextOld] of this.#rows) {
      const next = entity.rowAt(edge);
      if (!same(next, nextOld) || (!same(next, row) && !same(row, old))) rows.push({ edge, row: next });
      [row, old] = [next, nextOld];
    }
    return rows;
  }
}

/**
 * @param standing  rows at some of the edges that nobody knows the tiles of any more, by edge: one is made again where
 *                  it is not what it should be
 * @returns         the rows of new edges, in their order
 */
export function newRows(
  entity: RowsAt,
  { from, to }: DueEdges,
  standing: ReadonlyMap<number, RowValues> = NONE,
): DueRow[] {
  const rows: DueRow[] = [];
  const changes = standing.size === 0 ? entity : withEdges(entity, [...standing.keys()]);
  let row = entity.rowAt(from);
  for (let edge = changes.nextChange(from); edge !== null && edge <= to; edge = changes.nextChange(edge)) {
    const next = entity.rowAt(edge);
    const stands = standing.get(edge);
    if (!same(next, stands === undefined ? row : stands)) rows.push({ edge, row: next });
    row = next;
  }
  return rows;
}

/** The edges at which a value can change, and others. */
function withEdges(entity: RowsAt, others: number[]): Pick<RowsAt, 'nextChange'> {
  others.sort((a, b) => a - b);
  let at = 0;
  return {
    nextChange(after) {
      while (at < others.length && others[at]! <= after) at += 1;
      const [change, other] = [entity.nextChange(after), others[at] ?? null];
      return change === null || other === null ? (change ?? other) : Math.min(change, other);
    },
  };
}

function same(a: RowValues, b: RowValues): boolean {
  if (a === null || b === null) return a === b;
  for (let i = 0; i < a.length; i++) if (!sameValue(a[i]!, b[i]!)) return false;
  return true;
}

/** Aggregations give single values and lists of them; no float of theirs is -0 or NaN. */
function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, i) => item === b[i]);
}
