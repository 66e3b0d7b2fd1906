/** Which keys of a request give the join keys of an entity: those of the same name, or those that a role names. */
import { faultOfName } from '../../contract/definitions/name.ts';
import type { Entity } from '../../contract/model.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';

export class KeyMapping {
  /** For each join key of the entity, in its order. */
  readonly requestKeys: readonly string[];
  readonly faults: readonly string[];

  /** @param mapping  join key of the entity -> key of the request, as it was written */
  constructor({ name: entity, joinKeys }: Entity, mapping: Readonly<Record<string, unknown>>) {
    const known = joinKeys.map(({ name }) => name);
    this.faults = Object.entries(mapping).flatMap(([key, asked]) => {
      const fault =
        typeof asked === 'string' ? faultOfName('join key', asked) : `${key} needs the name of a key`;
      const unknown = known.includes(key)
        ? null
        : `entity "${entity}" has no join key "${key}"${didYouMean(key, known)}`;
      return [fault, unknown].filter((one) => one !== null);
    });
    this.requestKeys = known.map((name) => (Object.hasOwn(mapping, name) ? String(mapping[name]) : name));
  }
}
