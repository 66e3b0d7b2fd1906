/**
 * What the on-demand views of a request took and gave, as the vector log has it: inputs, outputs before fallbacks and a
 * status for each view, marked values taken out. Called by served-request.ts.
 */
import type { Feature, RequestInput } from '../../contract/model.ts';
import { ValueHasher } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import { PRESENT } from '../../contract/status.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { ComputedFields } from '../../contract/wire/log/computed-fields.ts';
import { LOG_POLICIES } from '../../contract/wire/log/served-record.ts';
import type { ByteRange, ServedOnDemand, ServedRequest } from '../../contract/wire/log/served-record.ts';
import type { ComputedValues } from '../on-demand/computed-values.ts';
import { encoderPlan } from '../plan/encoder-plan.ts';
import { allFeatureRuns, NO_VIEW } from '../plan/feature-runs.ts';
import type { Plan } from '../plan/plan.ts';
import type { RequestInFlight } from '../request/request-in-flight.ts';

/** A value as the log may hold it. */
interface LoggedValue {
  readonly type: ValueType;
  readonly isRaw: boolean;
  /** Where its policy is hmac. */
  readonly hasher: ValueHasher | null;
}

/** Features of one on-demand view that stand next to each other in the service. */
interface LoggedRun {
  readonly onDemand: number;
  readonly columns: readonly number[];
  readonly values: readonly LoggedValue[];
  /** Whether all are doubles and raw. */
  readonly areDoubles: boolean;
}

interface ComputedLog {
  readonly head: Pick<ServedRequest, 'inputNames' | 'inputPolicies' | 'onDemand'>;
  readonly inputs: readonly LoggedValue[];
  /** The service's on-demand features in its order, and how many they are. */
  readonly runs: readonly LoggedRun[];
  readonly outputCount: number;
  readonly hashes: boolean;
}

/** A service's part of the log. */
const computedLog = encoderPlan((plan: Plan): ComputedLog => {
  const key = plan.privacy === null ? null : plan.privacy.hmacKey;
  const inputs = plan.inputs.map((input) => loggedValue(input, '', key));
  const runs = allFeatureRuns(plan)
    .filter(({ onDemand }) => onDemand !== NO_VIEW)
    .map(({ onDemand, features: columns, definitions }): LoggedRun => {
      const values = definitions.map((of) => loggedValue(of, plan.onDemand[onDemand]!.view.id, key));
      const areDoubles = values.every(({ type, isRaw }) => isRaw && type.kind === 'float64');
      return { onDemand, columns, values, areDoubles };
    });
  const outputs = runs.flatMap(({ values }) => values);
  return {
    head: {
      inputNames: plan.inputs.map(({ name }) => name),
      inputPolicies: policiesOf(plan.inputs),
      onDemand: plan.onDemand.map(servedOnDemand),
    },
    inputs,
    runs,
    outputCount: outputs.length,
    hashes: [...inputs, ...outputs].some(({ hasher }) => hasher !== null),
  };
});

/** What all records of a service have of its on-demand views. */
export function computedHead(plan: Plan): ComputedLog['head'] {
  return computedLog(plan).head;
}

function loggedValue(
  { name, type, log }: Pick<Feature, 'name' | 'type' | 'log'>,
  view: string,
  key: HmacKey | null,
): LoggedValue {
  const hasher = log === 'hmac' && key !== null ? new ValueHasher(key, view, { name, type }) : null;
  return { type, isRaw: log === 'raw', hasher };
}

function servedOnDemand({ role, view, listed, firstColumn }: Plan['onDemand'][number]): ServedOnDemand {
  const features = listed.map((column) => view.features[column - firstColumn]!);
  return { role, view: view.id, definitionId: view.definitionId, outputPolicies: policiesOf(features) };
}

/** @returns empty where all are raw */
function policiesOf(marked: readonly Pick<RequestInput, 'log'>[]): number[] {
  return marked.every(({ log }) => log === 'raw') ? [] : marked.map(({ log }) => LOG_POLICIES.indexOf(log));
}

/** Used again for each request: a record is encoded before the next one. */
const fields = new ComputedFields();

/** @returns of each row of a request what was computed; good until the next call */
export function computedRanges(inFlight: RequestInFlight, computed: ComputedValues): ByteRange[] {
  const { plan, count, inputs } = inFlight.request;
  const log = computedLog(plan);
  const isShared = inputs.every((column) => column.length === 1);
  const ends: number[] = [];
  fields.clear();
  let sharedTo = 0;
  for (let r = 0; r < count; r++) {
    if (log.inputs.length > 0) {
      if (r > 0 && isShared) fields.again(0, sharedTo);
      else writeInputs(log, inputs, r);
      if (r === 0) sharedTo = fields.length;
    }
    writeOutputs(log, computed, r);
    fields.statuses(computed.statuses, r * computed.views, computed.views);
    ends.push(fields.length);
  }
  const buffer = fields.written;
  return ends.map((to, r) => ({ buffer, from: r === 0 ? 0 : ends[r - 1]!, to }));
}

function writeInputs(
  { inputs, hashes }: ComputedLog,
  columns: readonly (readonly Value[])[],
  r: number,
): void {
  fields.open('inputs', inputs.length);
  for (let i = 0; i < inputs.length; i++) {
    const { type, isRaw } = inputs[i]!;
    fields.add(type, isRaw ? valueAt(columns[i]!, r) : null);
  }
  fields.close();
  if (!hashes) return;
  for (let i = 0; i < inputs.length; i++) {
    const { hasher } = inputs[i]!;
    if (hasher !== null) fields.hmac('inputHmacs', hasher.digest(valueAt(columns[i]!, r)));
  }
}

function writeOutputs({ runs, outputCount, hashes }: ComputedLog, computed: ComputedValues, r: number): void {
  if (outputCount === 0) return;
  const { values, statuses, columns: width, views } = computed;
  const from = r * width;
  fields.open('outputs', outputCount);
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    const isThere = statuses[r * views + run.onDemand] === PRESENT;
    if (isThere && run.areDoubles) fields.doubles(values, from, run.columns);
    else {
      for (let c = 0; c < run.columns.length; c++) {
        const { type, isRaw } = run.values[c]!;
        fields.add(type, isRaw && isThere ? values[from + run.columns[c]!]! : null);
      }
    }
  }
  fields.close();
  if (hashes) writeOutputHmacs(runs, computed, r);
}

function writeOutputHmacs(
  runs: readonly LoggedRun[],
  { values, statuses, columns: width, views }: ComputedValues,
  r: number,
): void {
  for (const { onDemand, columns, values: logged } of runs) {
    const isThere = statuses[r * views + onDemand] === PRESENT;
    for (const [c, { hasher }] of logged.entries()) {
      if (hasher === null) continue;
      fields.hmac('outputHmacs', hasher.digest(isThere ? values[r * width + columns[c]!]! : null));
    }
  }
}

function valueAt(column: readonly Value[], r: number): Value {
  return column[column.length === 1 ? 0 : r]!;
}
