import type { RowSchema } from '../../../contract/model.ts';
import type { StoreState } from '../../../sidecar/store/store-health.ts';
import type { StoreAsk, StoreReader } from '../../../sidecar/store/store-reader.ts';

/** In the order of the ask's views. */
interface HeldRows {
  readonly rows: readonly (Buffer | null)[];
  readonly watermarks: readonly (number | null)[];
}

/** A store that answers when the test says so. */
export class HeldReader implements StoreReader {
  readonly kind = 'sqlite';
  readonly asks: StoreAsk[] = [];
  readonly schemas = new Map<number, RowSchema>();
  schemaLoads = 0;
  /** Every ask is answered so before it returns, as the embedded store does; null: none is. */
  atOnce: HeldRows | null = null;
  readonly #waiting: StoreAsk[] = [];

  async start(): Promise<void> {}

  state(): StoreState {
    return { kind: 'read', reason: null, isConnected: true, saysDown: false };
  }

  watermarks(): ReadonlyMap<string, number> {
    return new Map();
  }

  read(asks: readonly StoreAsk[]): void {
    this.asks.push(...asks);
    this.#waiting.push(...asks);
    while (this.atOnce !== null && this.#waiting.length > 0) this.answerNow(this.atOnce);
  }

  async loadSchema(definitionId: number): Promise<RowSchema | null> {
    this.schemaLoads += 1;
    return this.schemas.get(definitionId) ?? null;
  }

  nodeOf(): string {
    return 'held';
  }

  async close(): Promise<void> {}

  /** Answers the ask that has waited longest. */
  async answer(held: HeldRows): Promise<void> {
    this.answerNow(held);
    await settled();
  }

  /** @param which  of those that wait, oldest first */
  answerNow({ rows, watermarks }: HeldRows, which = 0): void {
    const texts = rows.map((row) => row?.toString('latin1') ?? null);
    this.#waiting.splice(which, 1)[0]!.onRows(texts, watermarks);
  }

  async fail(): Promise<void> {
    this.#waiting.shift()!.onFailure(new Error('store down'));
    await settled();
  }
}

/** After the promises that are due now, and what follows from them. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
