/**
 * The entity ids of a record's vectors. A vector counts only when each id can be read as its join key's type; an id
 * that was logged as an HMAC is looked up by that HMAC (hashed-ids.ts). Called by explain/.
 */
import type { FeatureService } from '../../contract/model.ts';
import type { KeyValue } from '../../contract/value-type.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { ServedRecord } from '../../contract/wire/log/served-record.ts';
import { keyValueOf } from '../../contract/wire/online/entity-key.ts';
import type { HashedIds } from './hashed-ids.ts';

/** The ids of one vector, in the order of the service's request keys. */
interface VectorIds {
  readonly ids: readonly (KeyValue | null)[];
  /** What reports show in place of each id: its HMAC; null: the id itself. */
  readonly shown: readonly (string | null)[];
}

export class RequestIds {
  readonly #service: FeatureService;
  readonly #hashedIds: HashedIds | null;
  /** The index of each request key among the record's keys, and how the key was logged. */
  readonly #places: readonly number[];
  readonly #policies: readonly number[];

  private constructor(
    service: FeatureService,
    hashedIds: HashedIds | null,
    places: readonly number[],
    policies: readonly number[],
  ) {
    this.#service = service;
    this.#hashedIds = hashedIds;
    this.#places = places;
    this.#policies = policies;
  }

  /** @returns the ids; or, as the end of a sentence such as `8 vectors of churn ...`, why they cannot be read */
  static of(record: ServedRecord, service: FeatureService, hashedIds: HashedIds | null): RequestIds | string {
    const places = service.requestKeys.map((key) => record.keyNames.indexOf(key.name));
    if (places.includes(-1)) return 'with other join keys';
    const policies = places.map((place) => record.keyPolicies[place] ?? LOG_RAW);
    if (policies.some((policy) => policy !== LOG_RAW && policy !== LOG_HMAC)) return 'with dropped keys';
    if (policies.includes(LOG_HMAC) && record.hmacKeyId !== hashedIds?.keyId) {
      return `with keys hashed by the secret ${record.hmacKeyId}, which log.hmacKey does not name,`;
    }
    return new RequestIds(service, hashedIds, places, policies);
  }

  /** @returns the ids of one vector; null when an id is not of its key's type */
  async read(keys: readonly (string | null)[]): Promise<VectorIds | null> {
    const ids: (KeyValue | null)[] = [];
    const shown: (string | null)[] = [];
    for (const [i, key] of this.#service.requestKeys.entries()) {
      const part = keys[this.#places[i]!] ?? null;
      const isHashed = part !== null && this.#policies[i] === LOG_HMAC;
      shown.push(isHashed ? `hmac:${part}` : null);
      if (isHashed) {
        ids.push(await this.#hashedIds!.idOf(key.type, part));
        continue;
      }
      const id = part === null ? null : keyValueOf(key, part);
      if (id === null && part !== null) return null;
      ids.push(id);
    }
    return { ids, shown };
  }
}
