import type { RowSchema } from '../../registry/model.ts';
import type { StoreState } from '../../sidecar/store/store-health.ts';
import type { StoreAsk, StoreReader } from '../../sidecar/store/store-reader.ts';

/** In the order of the ask's views. */
export interface HeldRows {
  readonly rows: readonly (Buffer | null)[];
  readonly watermarks: readonly (number | null)[];
}

/** A store that answers when the test says so. */
export class HeldReader implements StoreReader {
  readonly kind = 'sqlite';
  readonly asks: StoreAsk[] = [];
  readonly schemas = new Map<number, RowSchema>();
  schemaLoads = 0;
  readonly #waiting: StoreAsk[] = [];

  async start(): Promise<void> {}

  state(): StoreState {
    return { kind: 'read', reason: null, isConnected: true };
  }

  read(asks: readonly StoreAsk[]): void {
    this.asks.push(...asks);
    this.#waiting.push(...asks);
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
  async answer({ rows, watermarks }: HeldRows): Promise<void> {
    const texts = rows.map((row) => row?.toString('latin1') ?? null);
    this.#waiting.shift()!.onRows(texts, watermarks);
    await settled();
  }

  async fail(): Promise<void> {
    this.#waiting.shift()!.onFailure(new Error('store down'));
    await settled();
  }
}

/** After the promises that are due now, and what follows from them. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
