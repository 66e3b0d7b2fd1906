/**
 * The version of a service stands for what it serves: content that was applied before gets its earlier number back, new
 * content gets the highest number so far plus one. So a version in the vector log always names the same columns.
 */
import { canonicalJson } from '../std/canonical-json.ts';
import type { Json } from '../std/canonical-json.ts';
import { serviceToJson } from './definition-json.ts';
import type { FeatureService } from '../model.ts';
import { xxHash64 } from '../wire/online/xxhash.ts';

export interface ServiceVersion {
  readonly service: string;
  readonly version: number;
  /** `servedHash` of what it serves. */
  readonly content: string;
}

/**
 * @param applied  the service as it is in force, if it is
 * @param known    every version that was ever applied
 */
export function versionOf(
  service: FeatureService,
  applied: FeatureService | undefined,
  known: readonly ServiceVersion[],
): number {
  const content = servedHash(service);
  if (applied !== undefined && servedHash(applied) === content) return applied.version;
  const own = known.filter((one) => one.service === service.name);
  const same = own.find((one) => one.content === content);
  if (same !== undefined) return same.version;
  return Math.max(applied?.version ?? 0, ...own.map(({ version }) => version), 0) + 1;
}

/** @returns 16 hex digits of what a model sees of a service */
export function servedHash(service: FeatureService): string {
  const { features, views, onDemand, requestKeys, inputs, tensor } = serviceToJson(service);
  const served = canonicalJson({ features, views, onDemand, requestKeys, inputs, tensor } as unknown as Json);
  return xxHash64(served).toString(16).padStart(16, '0');
}
