/** Writes a benchmark's rows to Redis, without the materializer's guard. The client library of the benchmarks. */
import { Redis } from 'ioredis';
import type { FeatureView } from '../../registry/model.ts';
import { fieldOf, markerKey } from '../../registry/wire/online-layout.ts';

const CUSTOMERS_A_PIPELINE = 500;

export interface BenchRows {
  readonly views: readonly FeatureView[];
  /** Their ids are 1 to this. */
  readonly customers: number;
  keyOf(customerId: number): string;
  /** The row of a view, by its place. */
  rowOf(customerId: number, view: number): Buffer;
}

export async function fillRedis(url: string, rows: BenchRows): Promise<void> {
  const { views, customers } = rows;
  const redis = new Redis(url);
  const fields = views.map(({ id }) => fieldOf(id));
  try {
    for (let from = 1; from <= customers; from += CUSTOMERS_A_PIPELINE) {
      const pipeline = redis.pipeline();
      const end = Math.min(customers + 1, from + CUSTOMERS_A_PIPELINE);
      for (let c = from; c < end; c++) {
        pipeline.hset(rows.keyOf(c), ...fields.flatMap((field, v) => [field, rows.rowOf(c, v)]));
      }
      const faults = (await pipeline.exec())!.flatMap(([error]) => (error === null ? [] : [error]));
      if (faults.length > 0) throw faults[0]!;
    }
    const watermark = String(Date.now() * 1_000);
    await redis.hset(markerKey(''), ...views.flatMap(({ id }) => [id, watermark]));
  } finally {
    redis.disconnect();
  }
}
