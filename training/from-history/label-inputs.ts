/**
 * What on-demand views take of a label: each input of the service is a column of the labels, of its own name or of the
 * one that `--input` gives it. The request's time is the label's.
 */
import { registryError } from '../../contract/errors.ts';
import type { FeatureService, RequestInput } from '../../contract/model.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { trainingError } from '../errors.ts';
import { numberOf } from '../labels/label-file.ts';
import type { LabelInput } from '../labels/label-casts.ts';
import type { LabelFile } from '../labels/label-file.ts';
import type { TrainOptions } from '../train-options.ts';

/**
 * @returns the columns of the inputs that labels give, in the service's order; an optional one that is left out is null
 * @throws  REG_USAGE for an option that names no input; TRAIN_LABELS for a column that is not there
 */
export function labelInputs(
  service: FeatureService,
  labels: LabelFile,
  options: Pick<TrainOptions, 'input'>,
): LabelInput[] {
  const given = givenColumns(options.input ?? []);
  const taken = service.inputs.filter(({ requestTime }) => !requestTime);
  for (const name of given.keys())
    if (!taken.some((input) => input.name === name)) throw noInput(service, name);
  return taken.map((input) => {
    const column = given.get(input.name) ?? input.name;
    if (column === '') return leftOut(input);
    if (numberOf(labels, column) === -1) throw noColumn(service, labels, input, column);
    return { name: input.name, type: input.type, isOptional: input.optional, column };
  });
}

/** @throws REG_USAGE */
function givenColumns(texts: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) {
      throw registryError('REG_USAGE', `--input should be NAME=COLUMN, got ${text}`, {
        field: 'input',
        help: 'Name the input, then the column of the labels that holds it; an optional one is left out by NAME=.',
      });
    }
    const name = text.slice(0, at);
    if (given.has(name))
      throw registryError('REG_USAGE', `--input names ${name} twice`, {
        field: 'input',
        help: 'Give it once.',
      });
    given.set(name, text.slice(at + 1));
  }
  return given;
}

function noInput({ name: service, inputs }: FeatureService, name: string): Error {
  const input = inputs.find((one) => one.name === name);
  const known = inputs.filter(({ requestTime }) => !requestTime).map((one) => one.name);
  const message =
    input === undefined
      ? `${service} takes no input ${name}${didYouMean(name, known) || `; it takes ${known.join(', ') || 'none'}`}`
      : `${name} is the time of the request, which is the label's own`;
  return registryError('REG_USAGE', message, {
    field: 'input',
    help: 'Give --input for inputs of the service alone.',
  });
}

function leftOut({ name, type, optional }: RequestInput): LabelInput {
  if (optional) return { name, type, isOptional: true, column: null };
  throw registryError('REG_USAGE', `the input ${name} is not optional`, {
    field: 'input',
    help: `Name the column of the labels that holds it: --input ${name}=COLUMN.`,
  });
}

function noColumn(
  { name: service }: FeatureService,
  { file, columns }: LabelFile,
  { name, optional }: RequestInput,
  column: string,
): Error {
  const without = optional ? `, or leave it out: --input ${name}=` : '';
  return trainingError(
    'TRAIN_LABELS',
    `${file} lacks ${column}, the input ${name} of ${service}; it has ${columns.join(', ')}`,
    { file, field: column, help: `Name the column that holds it: --input ${name}=COLUMN${without}.` },
  );
}
