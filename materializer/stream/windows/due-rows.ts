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
type RowValues = readonly Value[] | null;

/** What the rows of an entity are made of, as it stands; moved from edge to edge, forward and back. */
export interface RowsAt {
  /** @returns the values at an edge; null: the entity has no event before it */
  rowAt(edge: number): RowValues;
  /** @returns the first edge after one at which a value can change; null: there is none */
  nextChange(after: number): number | null;
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
    const until = Math.min(from, late.reach);
    const touched = late.edges.flatMap((edge) => [edge, ...windows.map((window) => edge + window)]);
    const edges = new Set(touched.filter((edge) => edge <= until));
    for (let at: number | null = this.#after; at !== null && at <= until; at = entity.nextChange(at))
      if (at > this.#after) edges.add(at);
    this.#first = entity.rowAt(this.#after);
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
 * @param restatesTo  up to this edge a row also stands where its values are those before it: rows that were made of
 *                    tiles nobody knows any more may stand there
 * @returns           the rows of new edges, in their order
 */
export function newRows(entity: RowsAt, { from, to }: DueEdges, restatesTo = -1): DueRow[] {
  const rows: DueRow[] = [];
  let row = entity.rowAt(from);
  for (let edge = entity.nextChange(from); edge !== null && edge <= to; edge = entity.nextChange(edge)) {
    const next = entity.rowAt(edge);
    if (edge <= restatesTo || !same(next, row)) rows.push({ edge, row: next });
    row = next;
  }
  return rows;
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
