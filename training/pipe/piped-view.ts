/** The on-demand view that rows are piped to: what it takes and what it gives, as columns. */
import { registryError } from '../../contract/errors.ts';
import type { Bundle, OnDemandView } from '../../contract/model.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatType } from '../../contract/value-type.ts';
import type { ArrowColumn } from '../arrow/arrow-field.ts';

interface TakenColumn extends ArrowColumn {
  /** An input that may be left out. */
  readonly isOptional: boolean;
  /** Whether a null is a mistake: of an input that is not optional. A used feature may always be null. */
  readonly isNeeded: boolean;
}

export interface PipedView {
  readonly view: OnDemandView;
  /** The function's arguments, in their order. */
  readonly takes: readonly TakenColumn[];
  readonly gives: readonly ArrowColumn[];
}

/** @throws REG_UNKNOWN when the bundle has no such on-demand view */
export function pipedView(bundle: Bundle, id: string): PipedView {
  const view = onDemandNamed(bundle, id);
  const takes = argumentsOf(view, bundle).map((argument) => {
    const input = view.inputs.find(({ name }) => name === argument.name);
    return { ...argument, isOptional: input?.optional === true, isNeeded: input?.optional === false };
  });
  const gives = view.features.map(({ name, type }) => ({ name: `${view.name}__${name}`, type }));
  return { view, takes, gives };
}

function onDemandNamed({ onDemand, views }: Bundle, id: string): OnDemandView {
  const view = onDemand.get(id);
  if (view !== undefined) return view;
  const known = [...onDemand.keys()];
  const message = views.has(id)
    ? `${id} is no on-demand view: its rows are stored`
    : `there is no on-demand view ${id}${didYouMean(id, known) || `; there are ${known.join(', ') || 'none'}`}`;
  throw registryError('REG_UNKNOWN', message, { field: 'view' });
}

/** What `compute --describe` prints as JSON, which the Python client reads. */
export function pipedViewToJson({ view, takes, gives }: PipedView) {
  return {
    view: view.id,
    takes: takes.map(({ name, type, isOptional }) => ({
      name,
      type: formatType(type),
      optional: isOptional,
    })),
    gives: gives.map(({ name, type }) => ({ name, type: formatType(type) })),
  };
}

export function renderPipedView({ takes, gives }: PipedView): string {
  const taken = takes.map(({ name, type, isOptional }) => [
    name,
    formatType(type),
    isOptional ? 'optional' : '',
  ]);
  return [
    renderTable(['takes', 'type', ''], taken),
    renderTable(
      ['gives', 'type'],
      gives.map(({ name, type }) => [name, formatType(type)]),
    ),
  ].join('\n\n');
}
