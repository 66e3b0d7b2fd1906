/**
 * Who served the records that are walked over: pods and epochs as text, made once for all records in a row that have
 * the same, and origins as one object each.
 */
import type { RecordWalk } from '../../contract/wire/log/record-walk.ts';
import type { Origin } from './archive-table.ts';

export class OriginBook {
  readonly #origins = new Map<string, Origin>();
  /** Most records have the origin of the one before. */
  #origin: Origin | null = null;
  #pod = Buffer.alloc(0);
  #low = -1;
  #high = -1;
  #last = { pod: '', epoch: '' };

  /** Reads them from the bytes of a record. */
  read(walk: RecordWalk): { readonly pod: string; readonly epoch: string } {
    const { record, bytesView: view, epochAt } = walk;
    const { from, to } = walk.pod;
    const low = epochAt === -1 ? 0 : view.getUint32(epochAt, true);
    const high = epochAt === -1 ? 0 : view.getUint32(epochAt + 4, true);
    if (low !== this.#low || high !== this.#high || this.#pod.compare(record, from, to) !== 0) {
      this.#low = low;
      this.#high = high;
      this.#pod = Buffer.from(record.subarray(from, to));
      this.#last = { pod: this.#pod.toString(), epoch: walk.epoch() };
    }
    return this.#last;
  }

  /** @returns one object for all records of that origin, until `clear` */
  at(pod: string, epoch: string, clockOffsetUs: number): Origin {
    const last = this.#origin;
    if (last !== null && last.pod === pod && last.epoch === epoch && last.clockOffsetUs === clockOffsetUs)
      return last;
    const name = `${clockOffsetUs}/${epoch}/${pod}`;
    let origin = this.#origins.get(name);
    if (origin === undefined) this.#origins.set(name, (origin = { pod, epoch, clockOffsetUs }));
    this.#origin = origin;
    return origin;
  }

  clear(): void {
    this.#origins.clear();
    this.#origin = null;
  }
}
