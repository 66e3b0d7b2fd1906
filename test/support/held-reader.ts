import type { RowSchema } from '../../registry/model.ts';
import type { StoreAsk, StoreReader, StoreRows } from '../../sidecar/store/store-reader.ts';

/** A store that answers when the test says so. */
export class HeldReader implements StoreReader {
  readonly kind = 'sqlite';
  readonly asks: StoreAsk[] = [];
  readonly schemas = new Map<number, RowSchema>();
  schemaLoads = 0;
  readonly #answers: { resolve(rows: StoreRows): void; reject(error: Error): void }[] = [];

  async start(): Promise<void> {}

  read(asks: readonly StoreAsk[]): Promise<StoreRows>[] {
    this.asks.push(...asks);
    return asks.map(() => new Promise((resolve, reject) => void this.#answers.push({ resolve, reject })));
  }

  async loadSchema(definitionId: number): Promise<RowSchema | null> {
    this.schemaLoads += 1;
    return this.schemas.get(definitionId) ?? null;
  }

  nodeOf(): string {
    return 'held';
  }

  async close(): Promise<void> {}

  async answer(rows: StoreRows): Promise<void> {
    this.#answers.shift()!.resolve(rows);
    await settled();
  }

  async fail(): Promise<void> {
    this.#answers.shift()!.reject(new Error('store down'));
    await settled();
  }
}

/** After the promises that are due now, and what follows from them. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
