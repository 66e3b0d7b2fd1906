/**
 * The as-served question for the groups of a page: which row of the history the row of each is (causes/fidelity.ts),
 * and what follows from the answer for its times.
 *
 *   rows --of the served event--> held rows of the entity --fidelity--> true, or restamped at that event: nearly all
 *   the others --by a print of their values--> rows of the entity at any event, rows of others at the served times;
 *              what the log has as an HMAC is found before, for all groups (masked-rows.ts)
 *   restamped --> the oldest missed row anew, by the times that stand for the served ones (following-rows.ts)
 *   foreign   --> the row that an honest store had at the fetch (the same)
 *   altered   --> rows of the served times that an earlier commit of the history had (earlier-rows.ts)
 *
 * Only prints of values are joined, so that memory follows the page and not the history. Called by role-run.ts.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { TakeOver } from '../../contract/run-record.ts';
import type { Value } from '../../contract/value-type.ts';
import type { GroupPages } from '../groups/group-pages.ts';
import { alterationsOf } from '../causes/altered-row.ts';
import type { Alterations } from '../causes/altered-row.ts';
import type { ReplayedTimes } from '../causes/facts.ts';
import { fidelity, isOfEvent, isOfServedTimes } from '../causes/fidelity.ts';
import type { Fidelity, FidelityFacts, HeldRow } from '../causes/fidelity.ts';
import { EarlierRows } from './earlier-rows.ts';
import type { ComparedRow, GivenRow } from './given-row.ts';
import { HeldRows } from './held-rows.ts';
import { MaskedRows } from './masked-rows.ts';
import { FollowingRows } from './following-rows.ts';
import { PrintSearch } from './print-search.ts';
import type { ReplayedVector } from '../judge/replayed-vector.ts';
import type { ViewReplay } from '../judge/replay.ts';
import type { ServedFeature } from '../replay/served-files.ts';
import type { UnexplainedRows } from '../likeness/unexplained-rows.ts';
import type { RevealedValues } from './revealed-values.ts';

/** What the history says of a row that was given out; alterations stand by the features of today's view. */
export interface AskedFidelity extends Alterations {
  readonly fidelity: Fidelity;
  /** The oldest missed row by the times that stand for the served ones; undefined: the served times stand. */
  readonly missed?: ReplayedTimes | null;
  /** Of a foreign row: what an honest store had at the fetch. */
  readonly honest: ReplayedTimes | null;
}

/** A group of vectors that were given one row. */
interface AskedGroup {
  readonly given: GivenRow;
  /** Of all of its vectors, the first one first. */
  readonly vids: Float64Array;
}

interface AnsweredGroup {
  /** Those that the answer is told of apart. */
  readonly vids: ArrayLike<number> & Iterable<number>;
  readonly of: AskedFidelity;
}

interface AskedParts {
  readonly revealed: RevealedValues;
  readonly unexplained: UnexplainedRows;
  /** Of the view's streams. */
  readonly takeOvers: readonly TakeOver[];
}

export class AsServed {
  readonly #view: FeatureView;
  readonly #revealed: RevealedValues;
  readonly #masked: MaskedRows;
  readonly #search: PrintSearch;
  readonly #following: FollowingRows;
  readonly #earlier: EarlierRows;
  readonly #unexplained: UnexplainedRows;
  readonly #held: HeldRows;
  readonly #takeOvers: readonly TakeOver[];
  readonly #features: FidelityFacts['features'];

  /** @param view  in the bundle in force, and its entity */
  constructor(
    duck: DuckDb,
    { view, entity }: { view: FeatureView; entity: Entity },
    replay: ViewReplay,
    { revealed, unexplained, takeOvers }: AskedParts,
  ) {
    this.#view = view;
    this.#revealed = revealed;
    this.#masked = new MaskedRows(duck, view, revealed);
    this.#search = new PrintSearch(duck, view, entity, replay);
    this.#following = new FollowingRows(duck, view, replay);
    this.#earlier = new EarlierRows(duck, view, replay);
    this.#unexplained = unexplained;
    this.#takeOvers = takeOvers;
    this.#held = new HeldRows(duck, view, replay);
    this.#features = view.features.map(({ type, missing }) => ({ type, fallback: missing }));
  }

  /**
   * Looks up, once for all groups, which rows of the history they may be.
   *
   * @param pages     of the groups
   * @param archived  what the archive has of the rows' features
   * @param read      reads a vector's row as it was given out
   */
  async prepare(
    pages: GroupPages,
    archived: readonly ServedFeature[],
    read: (vector: ReplayedVector) => GivenRow,
  ): Promise<void> {
    const { areAllTold } = await this.#search.prepare(archived, read);
    await this.#held.lay();
    if (!areAllTold) await this.#prepareMasked(pages, read);
    await this.#search.endSearch();
    await this.#following.lay();
  }

  /** Reads all groups once, for the values that SQL cannot tell. */
  async #prepareMasked(pages: GroupPages, read: (vector: ReplayedVector) => GivenRow): Promise<void> {
    await this.#masked.begin();
    for await (const { places, batches } of pages.read()) {
      await this.#held.open(...places);
      let [from] = places;
      for (const groups of batches()) {
        const first = from;
        from += groups.length;
        const rows = groups.flatMap(({ vector }, i) => {
          const given = read(vector);
          if (!given.masked || !hasValues(given)) return [];
          const { vid } = vector;
          const own = this.#heldOf(vector);
          const values = this.#revealed.valuesOf(given, own);
          const facts = this.#factsOf(given, own, this.#masked.unsealed(vid, values));
          return isOfServedTimes(facts) ? [] : [{ place: first + i, vid, values }];
        });
        if (rows.length > 0) await this.#masked.add(rows);
      }
    }
    await this.#search.prepareMasked(await this.#masked.end());
  }

  /** Drops what was found, when all groups are judged. */
  async end(): Promise<void> {
    await this.#held.end();
    await this.#search.end();
    await this.#following.end();
  }

  /** Takes what was found for the groups of a page. */
  async open([from, until]: readonly [from: number, until: number]): Promise<void> {
    await this.#held.open(from, until);
    await this.#masked.open(from, until);
    await this.#search.open(from, until);
    await this.#following.open(from, until);
    await this.#earlier.open(from, until);
  }

  /**
   * @returns by the vid of its first vector, for each group whose row was given out and can be read; where more depends
   *          on when a vector was served, for all of its vectors
   */
  async ask(batch: readonly AskedGroup[]): Promise<Map<number, AskedFidelity>> {
    const vidsBy = new Map(batch.map(({ given, vids }) => [given.vector.vid, vids]));
    const rows = batch.flatMap(({ given }) => (hasValues(given) ? this.#compared(given) : []));
    const suspects = rows.filter(({ facts }) => !isOfEvent(facts));
    const found = await this.#search.find(suspects);
    const asked = rows.map((row) => {
      const facts = found.get(row.given.vector.vid) ?? row.facts;
      return { row, facts, answer: fidelity(facts) };
    });
    const alteredVids = asked.flatMap(({ row, answer }) =>
      answer.answer === 'altered' ? [row.given.vector.vid] : [],
    );
    const earlier = await this.#earlier.of(alteredVids);
    const answered = asked.map(({ row, facts, answer }): AnsweredGroup => {
      const { vid } = row.given.vector;
      const of = { fidelity: answer, ...alterationsOf(facts, answer, earlier.get(vid)), honest: null };
      this.#unexplained.offer(row, of);
      return { vids: isOfTime(row.given, answer) ? vidsBy.get(vid)! : [vid], of };
    });
    return await this.#withTimes(answered);
  }

  /** Asks for the rows that follow from when each vector was served. */
  async #withTimes(answered: readonly AnsweredGroup[]): Promise<Map<number, AskedFidelity>> {
    await this.#following.findHonest(
      answered.flatMap(({ vids, of }) => (isForeign(of.fidelity) ? [vids] : [])),
    );
    const stamped = answered.flatMap(({ vids, of: { fidelity: answer } }) =>
      answer.answer === 'restamped' ? [...vids].map((vid) => ({ vid, row: answer.row })) : [],
    );
    const missed = await this.#following.missedOf(stamped);
    const told = new Map<number, AskedFidelity>();
    for (const { vids, of } of answered) {
      if (of.fidelity.answer === 'restamped')
        for (const vid of vids) told.set(vid, { ...of, missed: missed.get(vid) ?? null });
      else if (isForeign(of.fidelity)) this.#tellForeign(told, vids, of);
      else told.set(vids[0]!, of);
    }
    return told;
  }

  /** Vectors of which an honest store had one row are told the same. */
  #tellForeign(told: Map<number, AskedFidelity>, vids: Iterable<number>, of: AskedFidelity): void {
    let last: AskedFidelity | null = null;
    for (const vid of vids) {
      const honest = this.#following.honestOf(vid);
      if (last === null || last.honest !== honest) last = { ...of, honest };
      told.set(vid, last);
    }
  }

  #compared(given: GivenRow): ComparedRow {
    const { vector } = given;
    const own = this.#heldOf(vector);
    const values = this.#masked.unsealed(vector.vid, this.#revealed.valuesOf(given, own));
    return { given, facts: this.#factsOf(given, own, values) };
  }

  #factsOf(
    { vector }: GivenRow,
    own: readonly HeldRow[],
    values: readonly (Value | undefined)[],
  ): FidelityFacts {
    const { served, isKnown, gone } = vector;
    const { eventUs, createdUs } = served!;
    const tombstone: HeldRow[] = gone === null ? [] : [{ ...gone, deleted: true, values: [] }];
    return {
      kind: this.#view.kind,
      features: this.#features,
      served: { eventUs, createdUs, values },
      own: [...own, ...tombstone],
      others: [],
      isKnown,
      isRemade: this.#isRemade(createdUs),
      keptFromUs: null,
    };
  }

  /** Whether a stream was taken over from while rows of this created time were online, and not yet history. */
  #isRemade(createdUs: number | null): boolean {
    return (
      createdUs !== null &&
      this.#takeOvers.some(({ fromUs, toUs }) => createdUs > fromUs && createdUs <= toUs)
    );
  }

  /** @returns the entity's rows of the served event time, under any definition */
  #heldOf(vector: ReplayedVector): readonly HeldRow[] {
    const one = replayedHeld(vector);
    return one === null ? this.#held.of(vector.vid) : [one];
  }
}

/** @returns the one row of the served event, where that is the replayed one; null: it has to be looked up */
function replayedHeld({ served, trained, isCrowded }: ReplayedVector): HeldRow | null {
  if (served === null || trained === null || isCrowded || trained.deleted || trained.outsideTtl) return null;
  const { eventUs, createdUs } = trained.times;
  return eventUs === served.eventUs ? { eventUs, createdUs, values: trained.values } : null;
}

/** Whether the row can be read and has a value. */
function hasValues({ values }: GivenRow): boolean {
  return values?.some((value) => value !== undefined) ?? false;
}

/** Whether more than the answer follows from the time of each vector: the row that it missed, or should have had. */
function isOfTime({ view }: GivenRow, answer: Fidelity): boolean {
  return isForeign(answer) || (answer.answer === 'restamped' && view.ttlUs !== null);
}

function isForeign({ answer }: Fidelity): boolean {
  return answer === 'foreign' || answer === 'unknown';
}
