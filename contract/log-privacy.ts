/**
 * What the log may hold of a served vector: values of marked features are taken out of its rows, ids become HMACs.
 *
 *   policy   of a feature                                    of an entity's ids
 *   raw      the value                                       the id
 *   hmac     nil in the row; HMAC-SHA256(secret,             HMAC-SHA256(secret, id), hex
 *            view:feature 0x00 MessagePack of the value)
 *   drop     nil in the row                                  empty
 *
 * An id's HMAC covers its canonical part alone, so that anyone with the secret can join it with any table. Masks are
 * made once for each bundle, masked rows each time a vector is logged whose bytes are not ready; views without marks
 * pay nothing. Used by the sidecar, which logs, and by readers of the log that have the secret.
 */
import { createHmac } from 'node:crypto';
import { statSync } from 'node:fs';
import { readRegularFile } from './std/files/regular-file.ts';
import { registryError } from './errors.ts';
import type { Bundle, FeatureView, LogPolicy, RowFields } from './model.ts';
import type { Value } from './value-type.ts';
import { RowEncoder, decodeRowValues } from './wire/online/row-codec.ts';
import { HEADER_BYTES, readHeader } from './wire/online/row-header.ts';
import { LOG_POLICIES } from './wire/log/served-record.ts';

/** The secret of the log's HMACs; its id stands in every record that has one. */
export interface HmacKey {
  readonly id: string;
  readonly secret: Buffer;
}

export interface HmacKeySettings {
  readonly id: string;
  /** Absolute path. The secret is its bytes, without a line break at the end. */
  readonly file: string;
}

const SECRET_MIN_BYTES = 16;

/** @throws REG_SETTINGS when the file cannot be read or holds less than 16 bytes */
export function loadHmacKey(settings: HmacKeySettings | null): HmacKey | null {
  if (settings === null) return null;
  const { id, file } = settings;
  const where = { field: 'log.hmacKey.file', file };
  let text: Buffer;
  try {
    text = readRegularFile(file);
  } catch (error) {
    throw registryError('REG_SETTINGS', `log.hmacKey: ${(error as Error).message}`, where, error);
  }
  let end = text.length;
  while (end > 0 && (text[end - 1] === 0x0a || text[end - 1] === 0x0d)) end -= 1;
  if (end >= SECRET_MIN_BYTES) return { id, secret: text.subarray(0, end) };
  throw registryError(
    'REG_SETTINGS',
    `log.hmacKey: ${file} holds ${end} bytes, and a secret has at least ${SECRET_MIN_BYTES}`,
    where,
  );
}

/** @returns a sentence where anybody on the machine can read the secret; null: it is kept, or there is none */
export function exposedKeyNotice(settings: HmacKeySettings | null): string | null {
  if (settings === null) return null;
  const { mode } = statSync(settings.file);
  if ((mode & 0o004) === 0) return null;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return `log.hmacKey: ${settings.file} has mode ${shown}: anybody here can read it and tell ids and values from their HMACs; make it 0400`;
}

/** @param part  canonical, as it stands in the online key; @returns 64 hex digits */
export function idDigest(key: HmacKey, part: string): string {
  return createHmac('sha256', key.secret).update(part).digest('hex');
}

/** Makes the HMACs of one feature's values, in about 4 us each. They show which values are equal, and no more. */
export class ValueHasher {
  readonly #secret: Buffer;
  readonly #name: string;
  readonly #encoder: RowEncoder;

  /** @param view  its id */
  constructor(key: HmacKey, view: string, feature: RowFields['features'][number]) {
    this.#secret = key.secret;
    this.#name = `${view}:${feature.name}\0`;
    this.#encoder = new RowEncoder({ definitionId: 0, features: [feature] });
  }

  /**
   * @returns 32 bytes
   * @throws  TypeError when the value is none of the feature's type
   */
  digest(value: Value): Buffer {
    const row = this.#encoder.encode(0, 0, 0, [value]);
    const hmac = createHmac('sha256', this.#secret).update(this.#name);
    // After the header and the byte that says "one value".
    return hmac.update(row.subarray(HEADER_BYTES + 1)).digest();
  }
}

export interface MaskedRow {
  readonly row: Buffer;
  /** Of each feature whose policy is hmac, in the order of the row's definition. */
  readonly hmacs: readonly Buffer[];
}

/** Takes the marked values out of a view's rows. */
export class RowMask {
  readonly #view: string;
  readonly #policies: ReadonlyMap<string, LogPolicy>;
  readonly #key: HmacKey | null;
  /** By definition id. */
  readonly #plans = new Map<number, MaskPlan>();

  private constructor(view: FeatureView, key: HmacKey | null) {
    this.#view = view.id;
    this.#policies = new Map(view.features.map(({ name, log }) => [name, log]));
    this.#key = key;
  }

  /** @returns null when the view's rows may be logged as they are */
  static of(view: FeatureView, key: HmacKey | null): RowMask | null {
    return view.features.every(({ log }) => log === 'raw') ? null : new RowMask(view, key);
  }

  /**
   * @param schema  of the definition that wrote the row; what the view no longer has is dropped
   * @throws        TypeError when the bytes are no such row
   */
  mask(schema: RowFields, row: Buffer): MaskedRow {
    const header = readHeader(row)!;
    const { encoder, policies, hashers } = this.#planOf(schema);
    const hmacs: Buffer[] = [];
    const values = decodeRowValues(schema, row).map((value, i) => {
      if (policies[i] === 'raw') return value;
      const hasher = hashers[i]!;
      if (hasher !== null) hmacs.push(hasher.digest(value));
      return null;
    });
    return { row: encoder.encode(header.eventUs, header.createdUs, header.writtenMs, values), hmacs };
  }

  #planOf(schema: RowFields): MaskPlan {
    const known = this.#plans.get(schema.definitionId);
    if (known !== undefined) return known;
    const { features } = schema;
    const policies = features.map(({ name }) => this.#policies.get(name) ?? 'drop');
    const hashers = features.map((feature, i) =>
      policies[i] === 'hmac' ? new ValueHasher(this.#key!, this.#view, feature) : null,
    );
    const plan = { encoder: new RowEncoder(schema), policies, hashers };
    this.#plans.set(schema.definitionId, plan);
    return plan;
  }
}

/** What becomes of the rows of one definition, aligned with its features. */
interface MaskPlan {
  readonly encoder: RowEncoder;
  readonly policies: readonly LogPolicy[];
  readonly hashers: readonly (ValueHasher | null)[];
}

/** For each request key of a service an index into LOG_POLICIES: the strictest policy of the entities that it names. */
export function keyPoliciesOf(
  bundle: Pick<Bundle, 'entities' | 'views'>,
  service: {
    readonly requestKeys: readonly { readonly name: string }[];
    readonly views: readonly { readonly view: string; readonly requestKeys: readonly string[] }[];
  },
): number[] {
  return service.requestKeys.map(({ name }) => {
    const policies = service.views
      .filter(({ requestKeys }) => requestKeys.includes(name))
      .map(({ view }) => LOG_POLICIES.indexOf(bundle.entities.get(bundle.views.get(view)!.entity)!.log));
    return Math.max(0, ...policies);
  });
}

/** @returns the first thing marked hmac, `feature purchases:email` or `ids of customer`; null: there is none */
export function firstHmacMark(bundle: Pick<Bundle, 'entities' | 'views' | 'onDemand'>): string | null {
  for (const { name, log } of bundle.entities.values()) if (log === 'hmac') return `ids of ${name}`;
  for (const view of bundle.onDemand.values()) {
    const marked = view.inputs.find(({ log }) => log === 'hmac');
    if (marked !== undefined) return `input ${marked.name} of ${view.id}`;
  }
  for (const view of [...bundle.views.values(), ...bundle.onDemand.values()]) {
    const marked = view.features.find(({ log }) => log === 'hmac');
    if (marked !== undefined) return `feature ${view.id}:${marked.name}`;
  }
  return null;
}
