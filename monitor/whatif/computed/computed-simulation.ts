/**
 * On-demand views of a service under the settings that were simulated of the views that they use: their functions run
 * over the logged inputs and the simulated rows, and over those that training sees. A case changes one setting of one
 * view; all other rows are those of the settings as they are.
 *
 *   kept answers of each role, inputs --> function --> served  --+
 *                                    `--> function --> trained --+--> counts; rows for the views that use this one
 *
 * With another function, that of the checkout, all vectors are computed by it.
 */
import type { OnDemandView, ServiceOnDemand } from '../../../contract/model.ts';
import { argumentsOf } from '../../../contract/on-demand/arguments.ts';
import { openCaller } from '../../../contract/on-demand/function-caller.ts';
import type { DayOfService } from '../../day/day-of-log.ts';
import { bundlesOf } from '../../day/servers.ts';
import type { MonitoredDay } from '../../monitored-day.ts';
import { ComputedChunk } from '../../on-demand/computed-chunk.ts';
import { ComputedRows } from '../../on-demand/computed-rows.ts';
import { computedVectorsSql, isBare, usedRoles } from '../../on-demand/computed-vectors.ts';
import type { ComputedBundle } from '../../on-demand/computed-vectors.ts';
import { listedOf } from '../../on-demand/listed-features.ts';
import { computedSource } from '../../on-demand/used-source.ts';
import type { UsedSource } from '../../on-demand/used-source.ts';
import { whyNotAsked } from '../../on-demand/asked/why-not-asked.ts';
import { CountedChunks } from './computed-counts.ts';
import type { ComputedCounts } from './computed-counts.ts';
import { simulatedSource } from '../kept-answers.ts';
import type { KeptView } from '../kept-answers.ts';

/** One case: by the id of a view the table of its answers, where they are not those of the settings as they are. */
interface ComputedCase {
  readonly tables: ReadonlyMap<string, string>;
  /** By the id of an on-demand view its function in the checkout. */
  readonly functions: ReadonlyMap<string, OnDemandView>;
}

export class ComputedSimulation {
  readonly #day: MonitoredDay;
  readonly #served: DayOfService;
  readonly #views: ReadonlyMap<string, KeptView>;

  /** @param views  what was simulated, by the id of the view */
  constructor(day: MonitoredDay, served: DayOfService, views: ReadonlyMap<string, KeptView>) {
    this.#day = day;
    this.#served = served;
    this.#views = views;
  }

  /** @returns by the role of each on-demand view what was counted; a view that cannot be computed has only `left` */
  async run(asked: ComputedCase): Promise<Map<string, ComputedCounts>> {
    const { duck, book } = this.#day;
    const counts = new Map<string, ComputedCounts>();
    const others = new Map<string, ComputedRows>();
    for (const [n, computed] of this.#served.service.onDemand.entries()) {
      const own = { present: 0, exact: 0, withinPromise: 0, logged: 0, changed: 0, left: 0 };
      counts.set(computed.role, own);
      const view = book.current.onDemand.get(computed.view)!;
      const rows = await ComputedRows.open(duck, n, view.features);
      try {
        for (const hash of bundlesOf(this.#served.servers)) {
          await this.#runBundle({ hash, computed, others, asked, rows, counts: own });
        }
      } finally {
        rows.end();
      }
      others.set(computed.role, rows);
    }
    return counts;
  }

  async #runBundle(of: BundleCase): Promise<void> {
    const { hash, computed: today, others, asked, rows, counts } = of;
    const { book, duck } = this.#day;
    const { service: current, files, servers } = this.#served;
    const served = book.bundle(hash);
    const service = book.servedService(hash, current);
    const computed = service.onDemand.find(({ role }) => role === today.role);
    const then = computed === undefined ? undefined : served.onDemand.get(computed.view);
    const leave = (why: string): void => {
      counts.left += servers.filter((one) => one.bundle === hash).reduce((n, one) => n + one.vectors, 0);
      rows.leaveOut(hash, why);
    };
    if (computed === undefined || then === undefined) return leave('of a bundle without the view');
    const view = asked.functions.get(then.id) ?? then;
    const bundle = { ...served, onDemand: new Map([...served.onDemand, [then.id, view]]) };
    const listed = listedOf(service, computed, then.features).map(({ fullName, feature }) => ({
      fullName,
      feature,
      place: view.features.findIndex(({ name }) => name === feature.name),
    }));
    const keys = current.requestKeys;
    const vectors = { files, bundle, service, computed, view, outputs: listed, otherEngines: [], keys };
    const why = book.isKept(hash)
      ? whyNotAsked({
          ...vectors,
          used: { featuresOf: (role) => this.#keptOf(role)?.view.features ?? [] },
          others,
        })
      : 'of a lost bundle';
    const sources = why === null ? this.#sources({ ...vectors, others }, asked) : null;
    if (sources === null) return leave(why ?? 'of vectors without the rows that it uses');
    const parts = {
      args: argumentsOf(view, bundle),
      outputs: listed.map(({ feature }) => feature),
      roles: usedRoles(computed),
    };
    const caller = await openCaller(view, bundle);
    const adding = new CountedChunks(counts, rows, { view, outputs: listed, tensor: service.tensor });
    try {
      for await (const columns of duck.columnChunks(computedVectorsSql(vectors, sources))) {
        const chunk = new ComputedChunk(columns, parts);
        adding.add(chunk, await chunk.recompute(caller, true));
      }
    } finally {
      await caller.close();
    }
  }

  #keptOf(role: string): KeptView | undefined {
    const used = this.#served.service.views.find((one) => one.role === role);
    return used === undefined ? undefined : this.#views.get(used.view);
  }

  #sources(
    of: Pick<ComputedBundle, 'bundle' | 'computed' | 'view' | 'others'>,
    { tables }: ComputedCase,
  ): UsedSource[] | null {
    const { bundle, computed, view, others } = of;
    const sources: UsedSource[] = [];
    for (const [n, role] of usedRoles(computed).entries()) {
      const uses = view.uses.filter((_, i) => computed.uses[i] === role);
      const rows = others.get(role);
      if (rows !== undefined) {
        sources.push(computedSource(rows, isBare(uses, bundle), n));
        continue;
      }
      const kept = this.#keptOf(role);
      const number = kept?.roles.get(this.#served.service)?.get(role);
      if (kept === undefined || number === undefined) return null;
      const names = uses.flatMap(({ features }) => features.map(({ feature }) => feature));
      const table = tables.get(kept.view.id) ?? kept.same;
      sources.push(simulatedSource(kept, { table, role: number }, names, n));
    }
    return sources;
  }
}

interface BundleCase {
  readonly hash: string;
  /** In the bundle in force. */
  readonly computed: ServiceOnDemand;
  readonly others: ReadonlyMap<string, ComputedRows>;
  readonly asked: ComputedCase;
  readonly rows: ComputedRows;
  readonly counts: ComputedCounts;
}
