/**
 * The functions of on-demand views in this process, from bundle to bundle: a view that did not change keeps its
 * function and what is known of it, a new one gets a realm. Isolated ones share a process; another set of them gets
 * another process before it is in force, and the old one ends with the last request that may call it.
 */
import type { Bundle, OnDemandView } from '../../contract/model.ts';
import { onDemandToJson } from '../../contract/definitions/definition-json.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import { compileOnDemand } from '../../contract/on-demand/compile-function.ts';
import { ENGINE, isOwnEngine } from '../../contract/on-demand/engine.ts';
import { EndedCalls } from '../../contract/on-demand/ended-calls.ts';
import { IsolatedFunctions } from '../../contract/on-demand/isolated-functions.ts';
import { FunctionRunner } from './function-runner.ts';
import { OnDemandTally } from './on-demand-tally.ts';

/** A call is ended between this and twice as long, so that others of the process lose less than 10 ms. */
const CALL_MS = 4;
/** Of outcomes of requests that are not answered yet, over all of them; rows past it are UNAVAILABLE. */
const HELD_MIB = 64;
/** Of the views that an ended process ran, so many are named. */
const MOST_NAMED = 5;
/** What comes of a view of which calls were ended. */
const ENDED = {
  rest: { ends: 3, withinMs: 10_000, restMs: 30_000 },
  apart: { firstMs: 10_000, mostMs: 600_000 },
};
/** The longest deadline of a request, and how long the new process may take to start. */
const OLD_PROCESS_MS = 70_000;

/** The functions of one bundle. */
export interface FunctionSet {
  /** By the id of the view. */
  readonly runners: ReadonlyMap<string, FunctionRunner>;
  /** What each runner was made of. */
  readonly definitions: ReadonlyMap<string, string>;
  /** null: no view is isolated. */
  readonly isolated: IsolatedSet | null;
}

interface IsolatedSet {
  /** Its views and their definitions. */
  readonly name: string;
  readonly functions: IsolatedFunctions;
}

export class FunctionSlots {
  readonly #warn: (line: string) => void;
  readonly #tallies = new Map<string, OnDemandTally>();
  /** Of the functions of any bundle. */
  readonly #ended = new EndedCalls(ENDED);
  #inForce: FunctionSet = { runners: new Map(), definitions: new Map(), isolated: null };
  /** Made, and not in force yet. */
  #coming: IsolatedSet | null = null;
  readonly #leaving = new Map<IsolatedFunctions, NodeJS.Timeout>();
  #lostProcesses = 0;

  constructor(warn: (line: string) => void = () => {}) {
    this.#warn = warn;
  }

  /** By the id of the view, for every on-demand view since the start. */
  get tallies(): ReadonlyMap<string, OnDemandTally> {
    return this.#tallies;
  }

  /** Of isolated functions: the processes that are ready, and how many ended though no view was to blame for sure. */
  get processes(): { readonly ready: number; readonly lost: number } {
    const all = [this.#inForce.isolated?.functions, this.#coming?.functions, ...this.#leaving.keys()];
    return { ready: all.reduce((sum, one) => sum + (one?.processes ?? 0), 0), lost: this.#lostProcesses };
  }

  /**
   * @returns what runs the on-demand views of a bundle; those in force stay until `take`
   * @throws  TypeError when a function cannot be made
   */
  functionsOf(bundle: Pick<Bundle, 'views' | 'onDemand'>): FunctionSet {
    const views = [...bundle.onDemand.values()];
    const definitions = new Map(views.map((view) => [view.id, definitionOf(view, bundle)]));
    const isolated = this.#isolatedOf(bundle, definitions);
    const runners = new Map(
      views.map((view) => [
        view.id,
        this.#unchanged(view, definitions.get(view.id)!, isolated) ??
          new FunctionRunner({
            view,
            tally: this.#tallyOf(view.id),
            runs: view.isolated ? isolated!.functions : compileOnDemand(view, bundle),
            warn: this.#warn,
          }),
      ]),
    );
    return { runners, definitions, isolated };
  }

  /** From now on these are in force. */
  take(functions: FunctionSet): void {
    const before = this.#inForce.isolated;
    this.#inForce = functions;
    if (functions.isolated === this.#coming) this.#coming = null;
    this.#tellEngines();
    if (functions.isolated === before) return;
    if (before !== null) this.#leave(before.functions);
    void functions.isolated?.functions.start();
  }

  async close(): Promise<void> {
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    const all = [this.#inForce.isolated?.functions, this.#coming?.functions, ...this.#leaving.keys()];
    await Promise.all(all.map((functions) => functions?.close()));
  }

  /** Warns of a view, once, that was applied on another engine: it is served, but its bits are not promised. */
  #tellEngines(): void {
    for (const [id, tally] of this.#tallies) {
      const engine = this.#inForce.runners.get(id)?.view.engine ?? '';
      const isOther = !isOwnEngine(engine);
      if (isOther && !tally.isOfOtherEngine) {
        this.#warn(
          `${id} was applied on ${engine}, and this is ${ENGINE}: what it computes may differ in the last digits from ` +
            'training; apply with the Node that serves, or serve with the one that applied',
        );
      }
      tally.isOfOtherEngine = isOther;
    }
  }

  #tallyOf(id: string): OnDemandTally {
    let tally = this.#tallies.get(id);
    if (tally === undefined) this.#tallies.set(id, (tally = new OnDemandTally()));
    return tally;
  }

  /** @returns the runner that a view had, where view and process are the same */
  #unchanged(view: OnDemandView, definition: string, isolated: IsolatedSet | null): FunctionRunner | null {
    const runner = this.#inForce.runners.get(view.id);
    if (runner === undefined || this.#inForce.definitions.get(view.id) !== definition) return null;
    return view.isolated && isolated !== this.#inForce.isolated ? null : runner;
  }

  #isolatedOf(
    bundle: Pick<Bundle, 'views' | 'onDemand'>,
    definitions: ReadonlyMap<string, string>,
  ): IsolatedSet | null {
    const views = [...bundle.onDemand.values()].filter(({ isolated }) => isolated);
    if (views.length === 0) return null;
    const name = views.map(({ id }) => definitions.get(id)!).join(' ');
    if (name === this.#inForce.isolated?.name) return this.#inForce.isolated;
    const options = this.#options();
    const apart = new IsolatedFunctions(views, bundle, options);
    // One that never came in force, since its bundle contradicts itself.
    void this.#coming?.functions.close();
    this.#coming = {
      name,
      functions: new IsolatedFunctions(views, bundle, { ...options, spare: true, apart }),
    };
    return this.#coming;
  }

  #options() {
    const onEnd = (view: string, reason: string): void => {
      this.#tallyOf(view).ends += 1;
      this.#warn(
        `a call of the isolated function of ${view} was ended, since it passed its limit of ${reason}`,
      );
    };
    const onLost = (by: string, ran: readonly string[]): void => {
      this.#lostProcesses += 1;
      this.#warn(
        `a process of isolated functions ended by ${by}; another one computes what it had not answered` +
          (ran.length === 0 ? '' : `; it ran ${ran.slice(0, MOST_NAMED).join(', ')}`) +
          (ran.length > MOST_NAMED ? ` and ${ran.length - MOST_NAMED} more` : ''),
      );
    };
    return { callMs: CALL_MS, heldMiB: HELD_MIB, ended: this.#ended, onEnd, onLost };
  }

  /** Requests under the old bundle hold it until they are answered. */
  #leave(functions: IsolatedFunctions): void {
    functions.leave();
    const timer = setTimeout(() => {
      this.#leaving.delete(functions);
      void functions.close();
    }, OLD_PROCESS_MS);
    this.#leaving.set(functions, timer.unref());
  }
}

/** All that a runner is made of, marks and fallbacks included, and the types of what the function is given. */
function definitionOf(view: OnDemandView, bundle: Pick<Bundle, 'views' | 'onDemand'>): string {
  return JSON.stringify([onDemandToJson(view), argumentsOf(view, bundle)]);
}
