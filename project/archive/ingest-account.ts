/**
 * What all ingests of a folder have committed, as one account, for those who read the archive: what is known of each
 * epoch from every state that has met it, and how far all partitions were read.
 */
import { archivedBatches } from './archive-files.ts';
import type { ArchiveState } from './archive-state.ts';
import type { EpochAccount } from './epoch-account.ts';
import { shareTag, sharesOfTags } from './ingest-share.ts';
import { IngestLedger } from './ledger.ts';
import type { Folder } from '../storage/folder.ts';
import { sharesOfLocks, sharesOfStates } from './state-file.ts';
import { partitionsOf } from './topic-positions.ts';

export class IngestAccount {
  readonly #ledgers: readonly IngestLedger[];

  constructor(ledgers: readonly IngestLedger[]) {
    this.#ledgers = ledgers;
  }

  /** @throws MON_SERVED when a state cannot be read, or is lost */
  static async read(served: Folder): Promise<IngestAccount> {
    const known = [...(await sharesOfStates(served)), ...(await sharesOfLocks(served))];
    const tags = known.length > 0 ? known.map(shareTag) : (await archivedBatches(served)).keys();
    const ledgers = await Promise.all(sharesOfTags(tags).map((one) => IngestLedger.read(served, one)));
    const committed = ledgers.filter(({ hasCommitted }) => hasCommitted);
    return new IngestAccount(committed.length === 0 ? [await IngestLedger.read(served)] : committed);
  }

  get archives(): ArchiveState[] {
    return this.#ledgers.map(({ archive }) => archive);
  }

  /** One account an epoch, whoever has read some of it. */
  epochs(): EpochAccount[] {
    const merged = new Map<string, EpochAccount>();
    for (const account of this.#ledgers.flatMap((ledger) => ledger.epochs())) {
      const name = `${account.pod}/${account.epoch}`;
      const before = merged.get(name);
      merged.set(name, before === undefined ? account : before.merged(account));
    }
    return [...merged.values()];
  }

  /** See IngestLedger. */
  duplicatesOf(span: string, service: string): number {
    return this.#ledgers.reduce((sum, ledger) => sum + ledger.duplicatesOf(span, service), 0);
  }

  /** Everything that was logged before this time has been ingested; 0: unknown. */
  get caughtUpUs(): number {
    if (this.#ledgers.length === 1) return this.#ledgers[0]!.caughtUpUs;
    const newest = partitionsOf(this.#ledgers.map((one) => [one, one.positions] as const));
    const readers = newest.length === 0 ? this.#ledgers : newest.map(({ reader }) => reader);
    return Math.min(...readers.map((one) => one.caughtUpUs));
  }
}
