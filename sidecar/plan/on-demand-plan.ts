/**
 * An on-demand view as a service uses it: where each argument of its function comes from, decided once a bundle.
 *
 *   argument   <- an input of the request | a join key | the request time
 *              <- a feature of a row (role, index in its view)        contiguous: those of one role
 *              <- a column that another on-demand view computed       contiguous: those of one view
 *
 * Columns are the places of computed values in a row: those of the first view, then those of the next.
 */
import type { FeatureService, OnDemandView, RequestInput, UsedView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import { newReadyKind } from '../cache/ready-ring.ts';
import type { FunctionRunner } from '../on-demand/function-runner.ts';
import type { ViewPlan } from './view-plan.ts';

export interface OnDemandPlan {
  /** The view's name in the service. */
  readonly role: string;
  readonly view: OnDemandView;
  readonly runner: FunctionRunner;
  /** The column of its first feature. */
  readonly firstColumn: number;
  /** The columns of its features that the service lists, in the service's order. */
  readonly listed: readonly number[];
  /** Filled for each row, and used again: a call keeps neither. Doubles, as long as all are numbers. */
  readonly given: Value[];
  readonly outputs: Value[];
  /** Arguments that are inputs, and which of the plan's each is. */
  readonly inputs: readonly { readonly argument: number; readonly input: number }[];
  /** Arguments that are join keys. */
  readonly keys: readonly { readonly argument: number; readonly key: number }[];
  /** Arguments that are the request time. */
  readonly times: readonly number[];
  readonly rows: readonly UsedRow[];
  readonly computed: readonly UsedColumns[];
}

/** Neighbouring arguments that come from one row. */
export interface UsedRow {
  readonly role: number;
  /** The first of them. */
  readonly argument: number;
  /** Indexes in the role's view, one for each argument. */
  readonly features: readonly number[];
  readonly fallbacks: readonly Value[];
  /** Whether all are numbers to JavaScript, which a cached row keeps ready. */
  readonly areNumbers: boolean;
  /** The kind of these numbers in the ready ring. */
  readonly kind: number;
}

/** Neighbouring arguments that another on-demand view computes. */
export interface UsedColumns {
  /** Its index among the plan's. */
  readonly onDemand: number;
  readonly argument: number;
  readonly columns: readonly number[];
  readonly fallbacks: readonly Value[];
}

const NUMBERS: ReadonlySet<string> = new Set(['int32', 'float32', 'float64']);

interface Surroundings {
  readonly views: ReadonlyMap<string, ViewPlan>;
  readonly runners: ReadonlyMap<string, FunctionRunner>;
  /** Those that requests send. */
  readonly inputs: readonly RequestInput[];
}

/** @returns the service's on-demand views in its order, each behind those that it uses */
export function planOnDemand(
  service: FeatureService,
  { views, runners, inputs }: Surroundings,
): OnDemandPlan[] {
  const plans: OnDemandPlan[] = [];
  let firstColumn = 0;
  for (const { role, view: id, uses } of service.onDemand) {
    const runner = runners.get(id)!;
    const { view } = runner;
    const plan: OnDemandPlan = {
      role,
      view,
      runner,
      firstColumn,
      listed: listedColumns(service, role, view, firstColumn),
      given: numbers(view.inputs.length + view.uses.reduce((sum, { features }) => sum + features.length, 0)),
      outputs: numbers(view.features.length),
      ...planInputs(view, service, inputs),
      ...planUses(view.uses, uses, { service, views, plans }, view.inputs.length),
    };
    plans.push(Object.freeze(plan));
    firstColumn += view.features.length;
  }
  return plans;
}

function numbers(count: number): Value[] {
  return Array.from({ length: count }, () => Number.NaN);
}

function listedColumns(
  service: FeatureService,
  role: string,
  view: OnDemandView,
  firstColumn: number,
): number[] {
  const listed = service.features.filter((one) => one.role === role);
  return listed.map(({ feature }) => firstColumn + view.features.findIndex(({ name }) => name === feature));
}

type Given = Pick<OnDemandPlan, 'inputs' | 'keys' | 'times'>;

function planInputs(view: OnDemandView, service: FeatureService, inputs: readonly RequestInput[]): Given {
  const given: { -readonly [part in keyof Given]: Given[part][number][] } = {
    inputs: [],
    keys: [],
    times: [],
  };
  for (const [argument, { name, requestTime }] of view.inputs.entries()) {
    const key = service.requestKeys.findIndex((one) => one.name === name);
    const input = inputs.findIndex((one) => one.name === name);
    if (requestTime) given.times.push(argument);
    else if (key !== -1) given.keys.push({ argument, key });
    else given.inputs.push({ argument, input });
  }
  return given;
}

/** @param roles  for each used view the role in the service that gives it */
function planUses(
  uses: readonly UsedView[],
  roles: readonly string[],
  of: {
    readonly service: FeatureService;
    readonly views: ReadonlyMap<string, ViewPlan>;
    readonly plans: readonly OnDemandPlan[];
  },
  firstArgument: number,
): Pick<OnDemandPlan, 'rows' | 'computed'> {
  const rows: UsedRow[] = [];
  const computed: UsedColumns[] = [];
  let argument = firstArgument;
  for (const [u, { view, features }] of uses.entries()) {
    const onDemand = of.plans.findIndex(({ role }) => role === roles[u]);
    const source = onDemand === -1 ? of.views.get(view)!.view : of.plans[onDemand]!.view;
    const indexes = features.map(({ feature }) => source.features.findIndex(({ name }) => name === feature));
    const fallbacks = indexes.map((i) => source.features[i]!.missing);
    if (onDemand === -1) {
      const role = of.service.views.findIndex((one) => one.role === roles[u]);
      const areNumbers = indexes.every((i) => NUMBERS.has(source.features[i]!.type.kind));
      rows.push({ role, argument, features: indexes, fallbacks, areNumbers, kind: newReadyKind() });
    } else {
      const columns = indexes.map((i) => of.plans[onDemand]!.firstColumn + i);
      computed.push({ onDemand, argument, columns, fallbacks });
    }
    argument += features.length;
  }
  return { rows, computed };
}
