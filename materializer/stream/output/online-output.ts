/**
 * Rows of a view's stream on their way online: of each entity the newest, under the guard, then the markers that vouch
 * for them. What was written before is written again after a crash: the guard finds it equal.
 *
 * A store that has lost its rows has lost its markers, too: before each new marker the one before it is looked for.
 * Where it is gone, no marker is written, so that nobody takes a lost row for one that never was, until all rows of
 * those keys were written again from the history (`restore`).
 */
import { rowSchemaOf } from '../../../contract/definitions/definition-json.ts';
import type { Bundle, Entity, FeatureView } from '../../../contract/model.ts';
import { entityKeyOf } from '../../../contract/wire/online/entity-key.ts';
import { HEADER_BYTES, TOMBSTONE_MS, WRITTEN_AT } from '../../../contract/wire/online/row-header.ts';
import { addWrites } from '../../online/guard-outcome.ts';
import type { WriteCounts } from '../../online/guard-outcome.ts';
import type { OnlineRow, OnlineWriter } from '../../online/online-writer.ts';
import type { ViewLease } from '../../run/view-lease.ts';
import type { RowBatch } from '../state/row-batch.ts';
import { entityKeys } from '../view-entity.ts';

export interface OnlineOptions {
  readonly view: FeatureView;
  readonly entity: Entity;
  readonly bundle: Bundle;
  readonly keyPrefix: string;
  readonly writer: OnlineWriter;
  readonly lease: Pick<ViewLease, 'stillHeld'>;
  /** To which the outcomes are added. */
  readonly counts: WriteCounts;
  /** Whether the history has rows of before, so that a store without a marker has lost them. */
  readonly hasRows: boolean;
  /** Yields the newest row of each entity from the history. */
  readonly newestRows: (writtenMs: number) => AsyncIterable<readonly OnlineRow[]>;
  readonly warn: (line: string) => void;
}

/** What the store has lost, by marker group. */
interface Loss {
  readonly groups: readonly boolean[];
  /** It is restored behind so many commits from now. */
  readonly commits: number;
}

/** Other processes have committed by then what they had written online before the store lost it. */
const COMMITS_OF_OTHERS = 2;

const BATCH_ROWS = 2_000;

export class OnlineOutput {
  readonly #options: OnlineOptions;
  readonly #superseded: readonly number[];
  #markedUs = -1;
  /** Whether a marker should be there. */
  #hasMarker: boolean;
  #loss: Loss | null = null;
  /** A second time, for rows of other processes. */
  #again: Loss | null = null;

  constructor(options: OnlineOptions) {
    const { bundle, view } = options;
    this.#options = options;
    this.#hasMarker = options.hasRows;
    this.#superseded = (bundle.schemas.get(view.id) ?? [])
      .map(({ definitionId }) => definitionId)
      .filter((id) => id !== view.definitionId);
  }

  /** To be called before the first row is written. */
  async publishSchemas(): Promise<void> {
    const { bundle, view, entity, writer } = this.#options;
    await writer.publishSchemas(bundle.schemas.get(view.id) ?? [rowSchemaOf(view, entity)]);
  }

  /**
   * @throws MAT_ONLINE when the store cannot be written; writing the same rows again is safe. MAT_LEASE when another
   *         stream has taken over
   */
  async write(batch: RowBatch, nowUs: number): Promise<void> {
    const { writer, lease, counts } = this.#options;
    const writtenMs = Math.floor(nowUs / 1_000);
    const newest = newestOf(batch);
    for (let at = 0; at < newest.length; at += BATCH_ROWS) {
      const rows = newest.slice(at, at + BATCH_ROWS).map((i) => this.#onlineRow(batch, i, writtenMs));
      // A process that was stopped meanwhile must not write beside the one that has taken over.
      await lease.stillHeld();
      addWrites(counts, await writer.write(rows, { replace: false }));
    }
    const blocked = writer.blocked();
    if (blocked !== null) throw blocked;
  }

  /** The marker stays where it is until this stream has come so far: what it vouches for was written by another. */
  async keepMarker(): Promise<void> {
    const { watermarksUs } = await this.#options.writer.readMarkers(this.#options.view.id);
    this.#markedUs = Math.min(...watermarksUs.map((us) => us ?? -1));
  }

  /** Vouches for what was written, unless the store has lost rows. */
  async mark(watermarkUs: number): Promise<void> {
    if (watermarkUs <= this.#markedUs || this.#loss !== null) return;
    await this.#options.lease.stillHeld();
    if (this.#hasMarker && (await this.#findLoss())) return;
    await this.#options.writer.writeMarkers(this.#options.view.id, watermarkUs);
    this.#markedUs = watermarkUs;
    this.#hasMarker = true;
  }

  async #findLoss(): Promise<boolean> {
    const { writer, view, warn } = this.#options;
    const { watermarksUs } = await writer.readMarkers(view.id);
    const groups = watermarksUs.map((us) => us === null || us < this.#markedUs);
    if (!groups.includes(true)) return false;
    this.#loss = { groups, commits: 0 };
    warn(`${view.id}: the online store has lost rows; they are written again from the history`);
    return true;
  }

  /** Whether rows are lost, and a commit is due so that they can be written again. */
  get isLost(): boolean {
    return this.#loss !== null;
  }

  /**
   * Writes again what the store has lost. To be called behind a commit.
   * @param isAlone  no other process writes rows of the view
   * @throws as `write`
   */
  async restore(isAlone: boolean, nowUs: number): Promise<void> {
    const due = this.#loss ?? (this.#again?.commits === 1 ? this.#again : null);
    this.#again = this.#again === null ? null : { ...this.#again, commits: this.#again.commits - 1 };
    if (due === null) return;
    await this.#rewrite(due.groups, nowUs);
    this.#again = isAlone || this.#loss === null ? null : { ...due, commits: COMMITS_OF_OTHERS };
    if (this.#loss === null) return;
    this.#loss = null;
    this.#hasMarker = false;
    this.#markedUs = -1;
  }

  async #rewrite(groups: readonly boolean[], nowUs: number): Promise<void> {
    const { writer, lease, counts, newestRows } = this.#options;
    await this.publishSchemas();
    for await (const chunk of newestRows(Math.floor(nowUs / 1_000))) {
      const rows = chunk.filter(({ key }) => groups[writer.markerGroupOf(key)]);
      await lease.stillHeld();
      addWrites(counts, await writer.write(rows, { replace: false }));
    }
  }

  #onlineRow(batch: RowBatch, i: number, writtenMs: number): OnlineRow {
    const { view, entity, keyPrefix } = this.#options;
    const bytes = Buffer.from(batch.row(i));
    bytes.writeUIntBE(writtenMs, WRITTEN_AT, 6);
    return {
      key: entityKeyOf(keyPrefix, entity, entityKeys(entity, batch.entities[i]!)),
      view: view.id,
      row: bytes,
      superseded: this.#superseded,
      expiresInMs: bytes.length === HEADER_BYTES ? TOMBSTONE_MS : null,
    };
  }
}

/** @returns of each entity the row with the greatest event time, of several the one that was made last */
function newestOf({ entities, eventUs }: RowBatch): number[] {
  const newest = new Map<string, number>();
  for (let i = 0; i < entities.length; i++) {
    const held = newest.get(entities[i]!);
    if (held === undefined || eventUs[i]! >= eventUs[held]!) newest.set(entities[i]!, i);
  }
  return [...newest.values()];
}
