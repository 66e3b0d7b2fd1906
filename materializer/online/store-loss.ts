/**
 * What the online store has lost of a view, and so is written again in full: groups of keys whose marker is missing or
 * behind the last complete run (a node was emptied), and those on nodes that have evicted keys since their last full
 * pass. The latter at most once an hour: evictions within an hour of such a pass say that the memory is too small.
 */
import { evictedSince } from '../../contract/wire/online/eviction-mark.ts';
import type { EvictionMark, NodeEvictions } from '../../contract/wire/online/eviction-mark.ts';
import { materializerError } from '../errors.ts';
import type { ViewRun } from '../run/view-run.ts';
import type { OnlineWriter } from './online-writer.ts';

const HEAL_EVERY_MS = 3_600_000;

export interface StoreLoss {
  /** For each marker group whether all its rows are written again; empty: none is. */
  readonly groups: readonly boolean[];
  /** Marks to be kept when all is written; null: the group's stays as it is. */
  readonly marks: readonly (EvictionMark | null)[];
  /** What is told before the work. */
  readonly warning: string | null;
  /** What the run ends with, though its work is done. */
  readonly complaint: Error | null;
}

/** To be called before anything is written: what is evicted meanwhile counts as evicted after it. */
export async function findLoss(run: ViewRun, writer: OnlineWriter): Promise<StoreLoss> {
  const { range } = run;
  const view = run.view.id;
  const nowMs = Math.floor(run.clock.nowUs() / 1_000);
  const counts = (await writer.evictions?.counts()) ?? null;
  const marks = counts === null ? null : await writer.evictions!.marks(view);
  const missing = range.full ? [] : await missingGroups(writer, view, range.previous!.watermarkUs);
  if (counts === null || marks === null)
    return { groups: missing, marks: [], warning: null, complaint: null };
  const evicted = counts.map((nodes, i) => evictedOf(marks[i] ?? null, nodes));
  const isRecent = (i: number): boolean => nowMs - (marks[i]?.healedMs ?? 0) < HEAL_EVERY_MS;
  const heals = evicted.map((count, i) => count > 0 && !isRecent(i));
  const again = Math.max(0, ...evicted.filter((count, i) => count > 0 && isRecent(i)));
  const groups = range.full ? [] : withNeighbours(missing, heals);
  return {
    groups,
    marks: counts.map((nodes, i) => {
      if (!range.full && groups[i] !== true) return null;
      return { healedMs: heals[i]! ? nowMs : (marks[i]?.healedMs ?? 0), counts: nodes };
    }),
    warning: heals.includes(true)
      ? `${view}: the online store has evicted ${Math.max(...evicted)} keys since its rows were written in full; ` +
        'they are written again'
      : null,
    complaint:
      again === 0
        ? null
        : materializerError(
            'MAT_EVICTED',
            `the online store has evicted ${again} keys again, less than an hour after all rows of ${view} were ` +
              'written anew because of evictions: its memory is too small. What this run had to write is written',
            { field: 'online' },
          ),
  };
}

function evictedOf(mark: EvictionMark | null, nodes: readonly NodeEvictions[]): number {
  return mark === null ? 0 : Math.max(0, ...nodes.map((node) => evictedSince(mark, node)));
}

/** For each group whether its marker is missing or behind; empty when all is well. */
async function missingGroups(writer: OnlineWriter, view: string, watermarkUs: number): Promise<boolean[]> {
  const { watermarksUs } = await writer.readMarkers(view);
  const lost = watermarksUs.map((us) => us === null || us < watermarkUs);
  if (!lost.includes(true)) return [];
  // Where two nodes share a group its marker lies on one of them: the neighbours of a lost group are suspect too.
  return lost.map((is, i) => is || (lost[i - 1] ?? false) || (lost[i + 1] ?? false));
}

function withNeighbours(missing: readonly boolean[], heals: readonly boolean[]): boolean[] {
  const groups = heals.map((is, i) => is || missing[i] === true);
  return groups.includes(true) ? groups : [];
}
