/**
 * The state of an ingest: what has been committed, up to which position of each source, and what is known of each
 * epoch. It is one JSON file, always replaced whole. Renaming it is the commit of a batch: positions, files and the
 * numbers seen change together or not at all.
 *
 *   {format, batch, caughtUpUs, positions: {source: position}, counts, duplicates, epochs, archive}
 *
 * Between commits the state is in memory. Records that were taken but not committed are forgotten when the process
 * ends, and read again.
 */
import { canonicalJson } from '../../contract/std/canonical-json.ts';
import type { Heartbeat } from '../../contract/wire/log/served-record.ts';
import { archiveError } from './errors.ts';
import { WHOLE, shareTag } from './ingest-share.ts';
import type { IngestShare } from './ingest-share.ts';
import type { Folder } from '../storage/folder.ts';
import { readStateText, stateName } from './state-file.ts';
import { archivedBatches } from './archive-files.ts';
import { ArchiveState, NO_ARCHIVE } from './archive-state.ts';
import type { ArchiveStateText } from './archive-state.ts';
import { EpochAccount } from './epoch-account.ts';
import type { EpochText } from './epoch-account.ts';
import type { SourcePosition } from './topic-positions.ts';

const FORMAT = 1;

/** Counts over all batches; `read` is the sum of the others. */
export interface IngestCounts {
  readonly read: number;
  /** Records taken, including heartbeats. */
  readonly records: number;
  readonly duplicates: number;
  readonly unreadable: number;
  /** Records of which the archive could not hold all vectors; they are among `records`. */
  readonly leftOut: number;
}

interface StateText {
  readonly format: typeof FORMAT;
  readonly batch: number;
  /** Everything that was logged before this time has been ingested; 0: unknown. */
  readonly caughtUpUs: number;
  readonly positions: Readonly<Record<string, SourcePosition>>;
  readonly counts: Omit<IngestCounts, 'read'>;
  /** Hour (of older states the day) -> service -> number of vectors in records that came again. */
  readonly duplicates: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly epochs: readonly EpochText[];
  readonly archive: ArchiveStateText;
}

const EMPTY: StateText = {
  format: FORMAT,
  batch: 0,
  caughtUpUs: 0,
  positions: {},
  counts: { records: 0, duplicates: 0, unreadable: 0, leftOut: 0 },
  duplicates: {},
  epochs: [],
  archive: NO_ARCHIVE,
};

export class IngestLedger {
  batch: number;
  caughtUpUs: number;
  readonly archive: ArchiveState;
  readonly #positions: Map<string, SourcePosition>;
  readonly #counts: { records: number; duplicates: number; unreadable: number; leftOut: number };
  readonly #duplicates: Map<string, Map<string, number>>;
  readonly #epochs: Map<string, EpochAccount>;
  /** What other ingests of the folder know of epochs that this one has not met since it began. */
  readonly #others = new Map<string, EpochAccount>();
  #lastAccount: EpochAccount | undefined;

  private constructor(text: StateText) {
    this.batch = text.batch;
    this.caughtUpUs = text.caughtUpUs;
    this.archive = new ArchiveState(text.archive);
    this.#positions = new Map(Object.entries(text.positions));
    this.#counts = { ...text.counts };
    this.#duplicates = new Map(
      Object.entries(text.duplicates).map(([hour, services]) => [hour, new Map(Object.entries(services))]),
    );
    this.#epochs = new Map(
      text.epochs.map((epoch) => [keyOf(epoch.pod, epoch.epoch), new EpochAccount(epoch)]),
    );
  }

  /**
   * @param archived  the newest batch that the archive had of the share before this call
   * @throws          MON_SERVED when the state cannot be read, is lost or older: records would be ingested twice
   */
  static async read(served: Folder, share: IngestShare = WHOLE, archived = 0): Promise<IngestLedger> {
    const tag = shareTag(share);
    const file = served.fileOf(stateName(served, tag));
    let ledger = await IngestLedger.#readState(served, tag);
    if (ledger === null && (await archivedBatches(served)).has(tag)) {
      // Unless another process has made its first commit just now.
      ledger = await IngestLedger.#readState(served, tag);
      if (ledger === null)
        throw lostState(
          file,
          `${served.path} has an archive, and ${file}, which says what is in it, is gone`,
        );
    }
    ledger ??= new IngestLedger(EMPTY);
    if (ledger.batch >= archived) return ledger;
    const what = `${file} is older than the archive: it ends with batch ${ledger.batch}, and there are files of batch ${archived}`;
    throw lostState(file, what);
  }

  /** @returns null when there is none */
  static async #readState(served: Folder, tag: string): Promise<IngestLedger | null> {
    try {
      const text = await readStateText(served, tag);
      return text === null ? null : new IngestLedger(parseState(text));
    } catch (error) {
      const file = served.fileOf(stateName(served, tag));
      const what = `${file} cannot be read: ${(error as Error).message}`;
      throw archiveError('MON_SERVED', what, { file }, error);
    }
  }

  /** Whether the ingest has ever committed anything. */
  get hasCommitted(): boolean {
    return this.#positions.size > 0;
  }

  position(source: string): SourcePosition | null {
    return this.#positions.get(source) ?? null;
  }

  get positions(): ReadonlyMap<string, SourcePosition> {
    return this.#positions;
  }

  /**
   * Goes on where other ingests of the folder have left off.
   *
   * @param epochs     what they know of each epoch
   * @param positions  of the partitions that are taken over from them, by source
   */
  takeOver(epochs: readonly EpochAccount[], positions: ReadonlyMap<string, SourcePosition>): void {
    for (const account of epochs) this.#others.set(keyOf(account.pod, account.epoch), account);
    for (const [source, own] of positions) {
      this.#positions.set(source, { ...this.#positions.get(source), ...own });
    }
  }

  get counts(): IngestCounts {
    const { records, duplicates, unreadable, leftOut } = this.#counts;
    return { read: records + duplicates + unreadable, records, duplicates, unreadable, leftOut };
  }

  /** When the newest record was written; 0: there is no record. */
  get newestUs(): number {
    return this.epochs().reduce((newest, epoch) => Math.max(newest, epoch.lastUs), 0);
  }

  epochs(): EpochAccount[] {
    return [...this.#epochs.values()];
  }

  /**
   * @param span  a day such as `2026-11-21`, or an hour of it such as `2026-11-21T10`
   * @returns     how many vectors of a service were in records that came again
   */
  duplicatesOf(span: string, service: string): number {
    const own = [...this.#duplicates].filter(([hour]) => hour.startsWith(span));
    return own.reduce((sum, [, services]) => sum + (services.get(service) ?? 0), 0);
  }

  has(pod: string, epoch: string, sequence: number): boolean {
    return this.#account(pod, epoch)?.has(sequence) ?? false;
  }

  /** Like `has`, for when the pod is not known: an epoch is one start of one sidecar. */
  hasOfEpoch(epoch: string, sequence: number): boolean {
    return [...this.epochs(), ...this.#others.values()].some(
      (account) => account.epoch === epoch && account.has(sequence),
    );
  }

  /**
   * @param anchored  see SourceItem
   * @returns         false when the record came before
   */
  take(
    { pod, epoch, sequence }: { pod: string; epoch: string; sequence: number },
    atUs: number,
    anchored: boolean,
  ): boolean {
    let account = this.#account(pod, epoch);
    if (account === undefined) {
      account = EpochAccount.begin(pod, epoch, anchored ? 1 : sequence);
      this.#epochs.set(keyOf(pod, epoch), account);
    }
    const isNew = account.take(sequence, atUs);
    if (isNew) this.#counts.records += 1;
    return isNew;
  }

  clockOffsetUs({ pod, epoch, sequence }: { pod: string; epoch: string; sequence: number }): number {
    return this.#account(pod, epoch)!.clockOffsetUs(sequence);
  }

  /** Most records are of the epoch of the one before. */
  #account(pod: string, epoch: string): EpochAccount | undefined {
    const last = this.#lastAccount;
    if (last !== undefined && last.epoch === epoch && last.pod === pod) return last;
    const key = keyOf(pod, epoch);
    const [own, theirs] = [this.#epochs.get(key), this.#others.get(key)];
    if (theirs !== undefined) {
      this.#others.delete(key);
      this.#epochs.set(key, own === undefined ? theirs : own.merged(theirs));
    }
    return (this.#lastAccount = this.#epochs.get(key));
  }

  hear(pod: string, epoch: string, heartbeat: Heartbeat, last: boolean): void {
    this.#account(pod, epoch)!.hear(heartbeat, last);
  }

  /** @param vectors  of a served record; null for any other record */
  countDuplicate(vectors: { hour: string; service: string; count: number } | null): void {
    this.#counts.duplicates += 1;
    if (vectors === null) return;
    const { hour, service, count } = vectors;
    const services = this.#duplicates.get(hour) ?? new Map<string, number>();
    this.#duplicates.set(hour, services.set(service, (services.get(service) ?? 0) + count));
  }

  countUnreadable(): void {
    this.#counts.unreadable += 1;
  }

  countLeftOut(): void {
    this.#counts.leftOut += 1;
  }

  setPosition(source: string, position: SourcePosition): void {
    this.#positions.set(source, position);
  }

  /** The state's file, keys in byte order. */
  text(): string {
    const text: StateText = {
      format: FORMAT,
      batch: this.batch,
      caughtUpUs: this.caughtUpUs,
      positions: Object.fromEntries(this.#positions),
      counts: this.#counts,
      duplicates: Object.fromEntries(
        [...this.#duplicates].map(([hour, services]) => [hour, Object.fromEntries(services)]),
      ),
      epochs: this.epochs().map((epoch) => epoch.text()),
      archive: this.archive.text(),
    };
    return `${canonicalJson(text as unknown as Parameters<typeof canonicalJson>[0])}\n`;
  }
}

function lostState(file: string, what: string): Error {
  return archiveError('MON_SERVED', what, {
    file,
    help:
      'Put the newest copy of the file back, one that was made after the last ingest. Without it, move the folder away and ' +
      'run `plumb monitor ingest`: it archives what the log still holds, and the days that only the old folder has can be ' +
      'read there. Into this folder all of it would come twice.',
  });
}

function keyOf(pod: string, epoch: string): string {
  return `${pod}/${epoch}`;
}

function parseState(text: string): StateText {
  const state = JSON.parse(text) as Partial<StateText> | null;
  if (state?.format !== FORMAT) throw new TypeError(`it should hold a state of format ${FORMAT}`);
  return { ...EMPTY, ...state, counts: { ...EMPTY.counts, ...state.counts } };
}
