/**
 * How the vectors of one bundle and secret are read where features are marked (hmac or drop), by the definition that
 * served them or by today's. Two questions are apart: which values of a row tell that it is that of the history, and
 * what is counted of a value.
 *
 *   served as   compared in SQL                  counted
 *   raw         as the value                     plain; hashed where it is marked hmac today and the secret is known
 *   hmac        as the HMAC, of a known secret   hashed, of a known secret
 *   drop        not                              withheld, as is all else
 */
import type { HmacKey } from '../../contract/log-privacy.ts';
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Feature } from '../../contract/model.ts';
import { DROPPED } from '../verdict/snapshot.ts';
import type { HashedBy } from './served-files.ts';

export type Counting = 'plain' | 'hashed' | 'withheld';

export interface MarkedReading {
  /** The places of the features whose values are compared, and of those whose HMACs are. */
  readonly compared: readonly number[];
  readonly digests: readonly number[];
  /** Of each feature that the service takes. */
  readonly counted: readonly Counting[];
  /** Why each of them is withheld; null: it is not. */
  readonly withheld: readonly (string | null)[];
}

/** The features of a role's rows. */
interface MarkedRole {
  /** In the bundle in force; what the service takes comes first. */
  readonly features: readonly Feature[];
  /** How many of them the service takes. */
  readonly taken: number;
  /** The secret of the log's HMACs; null: no secret is set. */
  readonly hmacKey: HmacKey | null;
}

/**
 * A value that was masked when it was served is not in the log, so it cannot be compared as it is. A value whose
 * feature is marked today must not be shown.
 *
 * @param row  its record's secret, and whether its HMACs cannot be read
 * @returns    why the value is withheld (see FeatureSnapshot); null: it can be compared
 */
export function whyWithheld(
  today: Pick<Feature, 'log'>,
  then: Pick<Feature, 'log'>,
  hmacKey: HmacKey | null,
  row: { readonly hmacKeyId: string; readonly isLost: boolean },
): string | null {
  if (today.log === 'raw' && then.log === 'raw') return null;
  if (today.log === 'drop' || then.log === 'drop') return DROPPED;
  if (then.log === 'raw') return hmacKey === null ? 'marked hmac, and log.hmacKey is not set' : null;
  if (hmacKey?.id === row.hmacKeyId)
    return row.isLost ? 'hashed, and the rows that hold their HMACs cannot be read' : null;
  const known = hmacKey === null ? 'log.hmacKey is not set' : `log.hmacKey has ${hmacKey.id}`;
  return `hashed with the secret ${row.hmacKeyId}, and ${known}`;
}

/**
 * @param served  the features of the view that served the vectors
 * @param secret  the id of the secret of their records' HMACs
 * @returns       null: the service takes a feature that this view lacks
 */
export function markedReading(
  { features, taken, hmacKey }: MarkedRole,
  served: readonly Feature[],
  secret: string,
): MarkedReading | null {
  const then = features.map((feature) => served.find((one) => isSameFeature(one, feature)));
  if (then.slice(0, taken).includes(undefined)) return null;
  const isKnown = hmacKey?.id === secret;
  const places = [...features.keys()];
  const withheld = features
    .slice(0, taken)
    .map((today, i) => whyWithheld(today, then[i]!, hmacKey, { hmacKeyId: secret, isLost: false }));
  return {
    compared: places.filter((i) => then[i]?.log === 'raw'),
    digests: places.filter((i) => then[i]?.log === 'hmac' && isKnown),
    counted: withheld.map((why, i): Counting => {
      if (why !== null) return 'withheld';
      return features[i]!.log === 'raw' && then[i]!.log === 'raw' ? 'plain' : 'hashed';
    }),
    withheld,
  };
}

/**
 * Of a day on which marks or the secret changed: what is counted of a value must be the same for all vectors that are
 * counted in SQL. The others are open.
 *
 * @param kinds  of vectors, with how many there are
 * @returns      those of the way of counting that most vectors have
 */
export function countedAlike<Kind extends HashedBy & MarkedReading & { readonly vectors: number }>(
  kinds: readonly Kind[],
): readonly Kind[] {
  const ways = [...Map.groupBy(kinds, ({ counted }) => counted.join(' ')).values()];
  const sizeOf = (way: readonly Kind[]): number => way.reduce((sum, { vectors }) => sum + vectors, 0);
  return ways.reduce<readonly Kind[]>((most, way) => (sizeOf(way) > sizeOf(most) ? way : most), []);
}
