/**
 * Judges what one on-demand view of a service computed over a day or an hour. The function of each vector's own bundle
 * runs again, over what was logged and over what the replay gives of the rows that it uses:
 *
 *   logged inputs, logged rows     -> another output than the logged one: "on-demand differs", never within the promise
 *   logged inputs, replayed rows   -> another value: inherited, with cause and promise of the worst of these rows
 *
 * Called by service-run.ts once all roles are judged. Of a value whose rows are unjudged only the first is asked.
 */
import type { FeatureService, Feature, ServiceOnDemand } from '../../contract/model.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import { openCaller } from '../../contract/on-demand/function-caller.ts';
import type { LoggedAnswers } from '../answers/logged-answers.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { bundlesOf } from '../day/servers.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { FeatureTally } from '../tally/feature-tally.ts';
import { RoleTally } from '../tally/role-tally.ts';
import { ComputedChunk } from './computed-chunk.ts';
import { ComputedTally } from './computed-tally.ts';
import type { JudgedComputed } from './computed-tally.ts';
import { computedVectorsSql } from './computed-vectors.ts';
import type { ComputedBundle } from './computed-vectors.ts';
import type { UsedRows } from './used-rows.ts';
import { isChained, whyNotAsked } from './why-not-asked.ts';

interface RunParts {
  readonly used: UsedRows;
  readonly answers: LoggedAnswers;
  /** The spreads of the service's features in training. */
  readonly trained: ReadonlyMap<string, number>;
}

export class OnDemandRun {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #parts: RunParts;
  readonly #computed: ServiceOnDemand;
  readonly #tally: ComputedTally;

  /** @param computed  of the service in force */
  constructor(day: MonitoredDay, served: DayOfService, parts: RunParts, computed: ServiceOnDemand) {
    const { service } = served;
    const view = day.book.current.onDemand.get(computed.view)!;
    const role = service.views.length + service.onDemand.indexOf(computed);
    this.#day = day;
    this.#served = served;
    this.#parts = parts;
    this.#computed = computed;
    const listed = isChained(view, day.book.current) ? [] : listedOf(service, computed, view.features);
    this.#tally = new ComputedTally(
      { role, view: view.id, tally: new RoleTally(role, view.id) },
      listed.map(({ fullName, feature }) => {
        const tally = new FeatureTally(feature);
        tally.measureBy(parts.trained.get(fullName) ?? null);
        return { fullName, feature, tally };
      }),
    );
  }

  /** @returns what the verdict takes of it; no features where the service lists none, or the view is chained */
  async judge(): Promise<JudgedComputed> {
    if (this.#tally.features.length > 0) {
      for (const hash of bundlesOf(this.#served.servers)) await this.#judgeBundle(hash);
    }
    return this.#tally.told();
  }

  async #judgeBundle(hash: string): Promise<void> {
    const { book, duck } = this.#day;
    const { servers, service: today, files } = this.#served;
    const bundle = book.bundle(hash);
    const service = book.servedService(hash, today);
    const computed = service.onDemand.find(({ role }) => role === this.#computed.role);
    const view = computed === undefined ? undefined : bundle.onDemand.get(computed.view);
    if (computed === undefined || view === undefined) return;
    const listed = listedOf(service, computed, view.features);
    const own = this.#tally.matching(listed, view);
    const outputs = own.map(({ listed: one }) => one);
    const { used } = this.#parts;
    const keys = today.requestKeys;
    const of: ComputedBundle = { files, used, bundle, service, computed, view, outputs, keys };
    const why = book.isKept(hash)
      ? whyNotAsked({ ...of, today: own.map(({ feature }) => feature) })
      : `served under the bundle ${hash}, which is lost`;
    const sql = why === null ? computedVectorsSql(of) : null;
    if (sql === null) {
      const vectors = servers.filter((one) => one.bundle === hash).reduce((sum, one) => sum + one.vectors, 0);
      for (const { tally } of own)
        tally.addDropped(why ?? 'of vectors without the rows that it uses', vectors);
      return;
    }
    const args = argumentsOf(view, bundle);
    const roles = new Set(computed.uses).size;
    const parts = { args, outputs: outputs.map(({ feature }) => feature), roles };
    const answers = await this.#parts.answers.ofBundle(hash);
    const { tensor } = service;
    this.#tally.begin({ hash, tensor, outputs: own, hasAvailable: hasAvailable(of), answers });
    const caller = await openCaller(view, bundle);
    try {
      for await (const columns of duck.columnChunks(sql)) {
        const chunk = new ComputedChunk(columns, parts);
        this.#tally.add(chunk, await chunk.recompute(caller));
      }
    } finally {
      await caller.close();
    }
  }
}

/** What a service lists of an on-demand view, in its order. */
function listedOf(
  service: FeatureService,
  { role }: ServiceOnDemand,
  features: readonly Feature[],
): { readonly fullName: string; readonly feature: Feature }[] {
  return service.features
    .filter((one) => one.role === role)
    .map(({ fullName, feature: name }) => ({
      fullName,
      feature: features.find((one) => one.name === name)!,
    }));
}

/** Whether each row that the view uses tells when it was created: else nobody knows what an honest store had. */
function hasAvailable({ view, bundle }: ComputedBundle): boolean {
  return view.uses.every(({ view: id }) => {
    const used = bundle.views.get(id)!;
    return used.kind === 'aggregated' || used.source.createdTime !== null;
  });
}
