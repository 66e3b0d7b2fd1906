/**
 * The plans of one bundle's services and views, and of the lists of single features that were requested under it. A new
 * bundle has plans of its own: the sidecar swaps one reference, and requests in flight finish with the plans that they
 * began with.
 */
import { LRUCache } from 'lru-cache';
import type { Bundle, FeatureService } from '../../contract/model.ts';
import { firstHmacMark } from '../../contract/log-privacy.ts';
import { listAsService } from './feature-list.ts';
import { MAX_VALUES } from './plan.ts';
import { sidecarError } from '../errors.ts';
import { logError } from '../spool/errors.ts';
import { FunctionSlots } from '../on-demand/function-slots.ts';
import type { FunctionSet } from '../on-demand/function-slots.ts';
import type { OnDemandTally } from '../on-demand/on-demand-tally.ts';
import type { DeprecatedTally } from './deprecations.ts';
import { planService } from './plan.ts';
import { NO_LOG, planView } from './view-plan.ts';
import type { Plan } from './plan.ts';
import type { LogPrivacy, ViewPlan } from './view-plan.ts';
import { ViewTally } from './view-tally.ts';

/** How many features the kept plans of feature lists may have in all; each takes some 400 bytes. */
const MAX_KEPT_REFERENCES = 50_000;

/** What a view keeps from bundle to bundle: its tally, its place in the cache, so that its rows stay, its function. */
export class ViewSlots {
  readonly #slots = new Map<string, Map<string, number>>();
  readonly #tallies = new Map<string, ViewTally>();
  readonly #deprecated = new Map<string, DeprecatedTally>();
  /** What on-demand views keep. */
  readonly functions: FunctionSlots;

  constructor(functions = new FunctionSlots()) {
    this.functions = functions;
  }

  slotOf(entity: string, viewId: string): number {
    let slots = this.#slots.get(entity);
    if (slots === undefined) this.#slots.set(entity, (slots = new Map()));
    const slot = slots.get(viewId) ?? slots.size;
    slots.set(viewId, slot);
    return slot;
  }

  tallyOf(viewId: string): ViewTally {
    let tally = this.#tallies.get(viewId);
    if (tally === undefined) this.#tallies.set(viewId, (tally = new ViewTally()));
    return tally;
  }

  /** @param service  empty: lists of single features */
  readonly deprecatedTallyOf = (service: string): DeprecatedTally => {
    let tally = this.#deprecated.get(service);
    if (tally === undefined) this.#deprecated.set(service, (tally = { answers: 0 }));
    return tally;
  };

  /** By service, for every one that had something deprecated since the start. */
  get deprecatedTallies(): ReadonlyMap<string, DeprecatedTally> {
    return this.#deprecated;
  }

  /** By the id of the view, for every view since the start. */
  get tallies(): ReadonlyMap<string, ViewTally> {
    return this.#tallies;
  }
}

export class BundlePlans {
  readonly bundle: Bundle;
  readonly views: ReadonlyMap<string, ViewPlan>;
  readonly #functions: FunctionSet;
  readonly #keyPrefix: string;
  readonly #slots: ViewSlots;
  readonly #log: LogPrivacy;
  readonly #services = new Map<string, Plan>();
  readonly #featureLists = new LRUCache<string, Plan>({
    maxSize: MAX_KEPT_REFERENCES,
    sizeCalculation: (plan) => plan.featureCount,
  });

  /**
   * @throws TypeError when the bundle contradicts itself, e.g. a service names a view that it lacks; LOG_HMAC_KEY when
   *         it asks for HMACs and there is no secret
   */
  constructor(bundle: Bundle, keyPrefix: string, slots: ViewSlots, log: LogPrivacy = NO_LOG) {
    this.bundle = bundle;
    this.#keyPrefix = keyPrefix;
    this.#slots = slots;
    this.#log = log;
    const mark = log.enabled && log.hmacKey === null ? firstHmacMark(bundle) : null;
    if (mark !== null) {
      throw logError('LOG_HMAC_KEY', `${mark}: the log policy is hmac, and log.hmacKey names no secret`);
    }
    this.views = new Map(
      [...bundle.views.values()].map((view) => [
        view.id,
        planView(
          { view, entity: bundle.entities.get(view.entity)!, past: bundle.schemas.get(view.id) ?? [] },
          slots.slotOf(view.entity, view.id),
          log,
          slots.tallyOf(view.id),
        ),
      ]),
    );
    this.#functions = slots.functions.functionsOf(bundle);
    for (const service of bundle.services.values()) {
      this.#services.set(service.name, this.#planOf(service));
    }
  }

  /** From now on these serve. */
  begin(): void {
    this.#slots.functions.take(this.#functions);
  }

  /**
   * The plans of another bundle, to take the place of these: views keep their slots and tallies.
   *
   * @throws as the constructor
   */
  next(bundle: Bundle): BundlePlans {
    return new BundlePlans(bundle, this.#keyPrefix, this.#slots, this.#log);
  }

  /** @returns once no request waits for functions: the process of isolated ones is ready, the others were called */
  async ready(): Promise<void> {
    await this.#functions.isolated?.functions.start();
    for (const { onDemand } of this.#services.values()) {
      for (const { runner, given, outputs } of onDemand) {
        runner.warm(given, outputs);
        // Requests under the bundle before do not wait for all of them.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** What was counted of every view that was ever served, by its id. */
  get tallies(): ReadonlyMap<string, ViewTally> {
    return this.#slots.tallies;
  }

  /** Of every service that had something deprecated. */
  get deprecatedTallies(): ReadonlyMap<string, DeprecatedTally> {
    return this.#slots.deprecatedTallies;
  }

  /** The same of every on-demand view. */
  get functionTallies(): ReadonlyMap<string, OnDemandTally> {
    return this.#slots.functions.tallies;
  }

  get functionProcesses(): FunctionSlots['processes'] {
    return this.#slots.functions.processes;
  }

  /** One for each service of the bundle, in its order. */
  services(): Iterable<Plan> {
    return this.#services.values();
  }

  /** @throws SRV_UNKNOWN_SERVICE */
  service(name: string): Plan {
    const plan = this.#services.get(name);
    if (plan !== undefined) return plan;
    const known = [...this.#services.keys()].join(', ');
    throw sidecarError(
      'SRV_UNKNOWN_SERVICE',
      `there is no feature service ${JSON.stringify(name.slice(0, 200))}; there are: ${known === '' ? 'none' : known}`,
      { field: 'feature_service' },
    );
  }

  /**
   * @param refs  `view:feature`, as Feast names features; the view by its id
   * @throws      SRV_UNKNOWN_FEATURE; SRV_TOO_MANY_VALUES for more than one answer may hold
   */
  featureList(refs: readonly string[]): Plan {
    const kept = this.#featureLists.get(listName(refs));
    // A reference with a line break in it is no other list's name: the count tells.
    if (kept !== undefined && kept.featureCount === refs.length) return kept;
    if (refs.length > MAX_VALUES) {
      const message = `${refs.length} features are asked for; at most ${MAX_VALUES} values are answered at once`;
      throw sidecarError('SRV_TOO_MANY_VALUES', message, { field: 'features' });
    }
    return this.#planOf(listAsService(refs, this.bundle));
  }

  /**
   * Keeps the plan of a list for the next request. Only for lists that are answered: refused ones come in any number.
   */
  keepList(refs: readonly string[], plan: Plan): void {
    this.#featureLists.set(listName(refs), plan);
  }

  #planOf(service: FeatureService): Plan {
    const { bundle, views } = this;
    const [{ runners }, keyPrefix] = [this.#functions, this.#keyPrefix];
    const tallyOf = this.#slots.deprecatedTallyOf;
    return planService(service, { bundle, views, runners, keyPrefix, hmacKey: this.#log.hmacKey, tallyOf });
  }
}

function listName(refs: readonly string[]): string {
  return refs.join('\n');
}
