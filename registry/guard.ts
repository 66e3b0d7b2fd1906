/**
 * The guard: which models a change would break, and the name under which it can be allowed all the same.
 *
 * A service is guarded while a model consumes it. The guard refuses changes of the features that the service lists, of
 * their order, and of the schema, row logic and reading logic of these features and their views, and of all that its
 * on-demand views use, at any depth. A consumer that an
 * apply removed still counts for seven days, so that nobody gets around the guard by removing it first. Changes of a
 * service without consumers are shown but not refused.
 *
 * Called by changes.ts. `plumb apply --allow NAME` takes these names:
 *
 *   name of a refusal   what it stands for
 *   purchases.ttl                  an option of a view
 *   trip.code                      the function of an on-demand view
 *   purchases__count_7d.missing    an option of a feature
 *   customer.joinKeys              the join keys of an entity
 *   rank_v1.features, .keys, .inputs, .tensor   what a service serves and is asked with
 *   rank_v1                        the service itself, which is deleted
 */
import { consumedFeatures } from './consumed-features.ts';
import type { Detail } from './definition-diff.ts';
import type { Consumer, Definitions, FeatureService } from '../contract/model.ts';
import { dayOf, formatTimestamp } from '../contract/std/timestamp.ts';
import type { GuardedConsumer, ChangeRefusal, RemovedConsumer } from '../contract/refusal.ts';

/** How long a removed consumer still counts. */
export const REMOVED_CONSUMER_US = 7 * 86_400_000_000;

/** The guard's answer to a change: what it refuses, and which changed services have no consumer. */
interface Guarded {
  readonly refusals: readonly ChangeRefusal[];
  readonly unguarded: readonly string[];
}

export class Guard {
  readonly #old: Definitions;
  readonly #next: Definitions;
  readonly #removed: readonly RemovedConsumer[];

  /** @param removed  consumers removed by the applies of the last seven days */
  constructor(old: Definitions, next: Definitions, removed: readonly RemovedConsumer[]) {
    this.#old = old;
    this.#next = next;
    this.#removed = removed;
  }

  /**
   * An option of a feature affects the services that consume the feature before and after; an option of the whole view
   * affects those that consume any of its features before and after.
   */
  ofView(id: string, details: readonly Detail[]): Guarded {
    const consuming = this.#staying().map(([before, after]) => {
      const still = consumedFeatures(after, this.#next).get(id);
      const features = [...(consumedFeatures(before, this.#old).get(id) ?? [])];
      return { service: before, features: features.filter((feature) => still?.has(feature) === true) };
    });
    return this.#guarded(details, ({ option, feature }) => {
      const users = consuming.filter(({ features }) =>
        feature === null ? features.length > 0 : features.includes(feature),
      );
      const name = feature === null ? `${id}.${option}` : `${id}__${option}`;
      return { name, services: users.map(({ service }) => service) };
    });
  }

  ofEntity(entity: string, details: readonly Detail[]): Guarded {
    const services = this.#staying().flatMap(([service]) =>
      service.views.some(({ view }) => this.#old.views.get(view)?.entity === entity) ? [service] : [],
    );
    return this.#guarded(details, ({ option }) => ({ name: `${entity}.${option}`, services }));
  }

  /** @param follows  options that change because an entity or a view does, where the change is refused */
  ofService(service: FeatureService, details: readonly Detail[], follows: readonly string[]): Guarded {
    const own = details.filter(({ option }) => !follows.includes(option));
    return this.#guarded(own, ({ option }) => ({ name: `${service.name}.${option}`, services: [service] }));
  }

  ofDeletedService(service: FeatureService): ChangeRefusal[] {
    const consumers = this.#consumersOf(service);
    if (consumers.length === 0) return [];
    return [{ name: service.name, services: [{ service: service.name, consumers }] }];
  }

  /** Services that exist before and after. */
  #staying(): [before: FeatureService, after: FeatureService][] {
    return [...this.#old.services.values()].flatMap((before) => {
      const after = this.#next.services.get(before.name);
      return after === undefined ? [] : [[before, after] satisfies [FeatureService, FeatureService]];
    });
  }

  #guarded(
    details: readonly Detail[],
    touchedBy: (detail: Detail) => { readonly name: string; readonly services: readonly FeatureService[] },
  ): Guarded {
    const refusals = new Map<string, ChangeRefusal>();
    const unguarded = new Set<string>();
    for (const detail of details) {
      if (!['schema', 'row', 'reading'].includes(detail.meaning)) continue;
      const { name, services } = touchedBy(detail);
      const guarded = services.map((service) => {
        return { service: service.name, consumers: this.#consumersOf(service) };
      });
      for (const one of guarded) if (one.consumers.length === 0) unguarded.add(one.service);
      const refusing = guarded.filter(({ consumers }) => consumers.length > 0);
      if (refusing.length > 0) refusals.set(name, { name, services: refusing });
    }
    return { refusals: [...refusals.values()], unguarded: [...unguarded] };
  }

  #consumersOf({ name, consumers }: FeatureService): GuardedConsumer[] {
    const isSame = (a: Consumer, b: Consumer): boolean => a.model === b.model && a.owner === b.owner;
    const removed = this.#removed.filter(
      (gone, i, all) =>
        gone.service === name &&
        !consumers.some((consumer) => isSame(consumer, gone)) &&
        // If a consumer was removed more than once, only the last time counts.
        !all.slice(i + 1).some((later) => later.service === name && isSame(later, gone)),
    );
    return [
      ...consumers.map(({ model, owner }) => ({ model, owner, removedUs: null })),
      ...removed.map(({ model, owner, removedUs }) => ({ model, owner, removedUs })),
    ];
  }
}

/** @returns the consumers that their service no longer names, or whose service is gone */
export function consumersRemoved(old: Definitions, next: Definitions, nowUs: number): RemovedConsumer[] {
  return [...old.services.values()].flatMap(({ name, consumers }) => {
    const staying = next.services.get(name)?.consumers ?? [];
    return consumers
      .filter(({ model, owner }) => !staying.some((one) => one.model === model && one.owner === owner))
      .map(({ model, owner }) => ({ service: name, model, owner, removedUs: nowUs }));
  });
}

/** `model churn of team-crm, model ltv of team-crm, removed 2026-11-21` */
export function consumerText(consumers: readonly GuardedConsumer[]): string {
  return consumers
    .map(({ model, owner, removedUs }) => {
      const gone = removedUs === null ? '' : `, removed ${dayOf(removedUs)}`;
      return `model ${model} of ${owner}${gone}`;
    })
    .join(', ');
}

/** A refusal, or an allowance, as commands print it in JSON: `removedUs` becomes `removedAt`, in RFC 3339. */
export function refusalToJson<Of extends Pick<ChangeRefusal, 'services'>>(refusal: Of): object {
  const services = refusal.services.map(({ service, consumers }) => ({
    service,
    consumers: consumers.map(({ model, owner, removedUs }) => {
      return { model, owner, removedAt: removedUs === null ? null : formatTimestamp(removedUs) };
    }),
  }));
  return { ...refusal, services };
}
