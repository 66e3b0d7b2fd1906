/**
 * What callers of a service are told will go: the service, the views that it takes values of, features that it lists.
 * Made once with the service's plan, so that a request only passes it on:
 *
 *   header `Deprecation: @1798761600`   RFC 9745: the earliest of the dates, in seconds since 1970
 *   text                                 `metadata.deprecated` of the native surface, the schema, the model's metadata
 */
import type { Deprecation, FeatureService } from '../../contract/model.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import { JSON_HEADERS } from '../transport/transport.ts';
import type { ReplyHeaders } from '../transport/transport.ts';

/** One thing that will go. */
export interface Deprecated extends Deprecation {
  readonly what: 'service' | 'view' | 'feature';
  /** Of a feature what the service calls it; of a view its id. */
  readonly name: string;
}

/** Counted over all bundles since the start. */
export interface DeprecatedTally {
  /** Vectors answered with something in them that will go. */
  answers: number;
}

export interface Deprecations {
  /** Never empty. */
  readonly list: readonly Deprecated[];
  /** The list as JSON. */
  readonly text: string;
  /** The header alone, for surfaces whose others differ from answer to answer. */
  readonly header: readonly [string, string];
  readonly headers: ReplyHeaders;
  readonly jsonHeaders: ReplyHeaders;
  readonly tally: DeprecatedTally;
}

/** What a service takes, with what its definition says of going; the features in the service's order. */
interface DeprecatedParts {
  readonly views: readonly { readonly id: string; readonly deprecated: Deprecation | null }[];
  readonly features: readonly { readonly deprecated?: Deprecation }[];
}

/** @returns null where all stays */
export function deprecationsOf(
  service: FeatureService,
  { views, features }: DeprecatedParts,
  tallyOf: (service: string) => DeprecatedTally,
): Deprecations | null {
  const list: Deprecated[] = [];
  const add = (what: Deprecated['what'], name: string, deprecated: Deprecation | null | undefined): void => {
    if (deprecated === null || deprecated === undefined) return;
    if (list.every((one) => one.what !== what || one.name !== name)) list.push({ what, name, ...deprecated });
  };
  add('service', service.name, service.deprecated);
  for (const { id, deprecated } of views) add('view', id, deprecated);
  features.forEach(({ deprecated }, i) => add('feature', service.features[i]!.fullName, deprecated));
  if (list.length === 0) return null;
  const header = ['deprecation', `@${Math.min(...list.map(({ date }) => secondsOf(date)))}`] as const;
  return {
    list,
    text: JSON.stringify(list),
    header,
    headers: [header],
    jsonHeaders: [...JSON_HEADERS, header],
    tally: tallyOf(service.name),
  };
}

/** A date that an older plumb took without looking at it counts as one that has passed. */
function secondsOf(date: string): number {
  const us = parseTimestamp(date);
  return us === null ? 0 : Number(us / 1_000_000n);
}
