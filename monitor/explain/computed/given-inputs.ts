/** The inputs that `plumb explain --input NAME=VALUE` brings, read as the sidecar reads those of a request. */
import { registryError } from '../../../contract/errors.ts';
import type { FeatureService, RequestInput } from '../../../contract/model.ts';
import type { Value } from '../../../contract/value-type.ts';
import { inputOfText } from '../../../contract/wire/request/input-text.ts';
import { InputFault, inputValue } from '../../../contract/wire/request/input-value.ts';

/**
 * @param texts  NAME=VALUE, the value as the sidecar takes it, in JSON or as plain text
 * @returns      the values by the names of the service's inputs
 * @throws       REG_USAGE for what is no input of the service, is given twice, or does not fit its type
 */
export function givenInputs(
  service: Pick<FeatureService, 'name' | 'inputs'>,
  texts: readonly string[],
): Map<string, Value> {
  const given = new Map<string, Value>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    const input = service.inputs.find((one) => one.name === name && !one.requestTime);
    if (input === undefined) {
      const known = service.inputs.filter(({ requestTime }) => !requestTime).map((one) => one.name);
      const what = at < 1 ? `expected name=value, got ${text}` : `${service.name} takes no input ${name}`;
      throw usage(`--input: ${what}`, `It takes ${known.join(', ') || 'none'}.`);
    }
    if (given.has(name)) throw usage(`--input ${name} is given twice`, 'Give it once.');
    given.set(name, valueOf(input, text.slice(at + 1)));
  }
  return given;
}

/** As the sidecar reads it. */
function valueOf({ name, type, optional }: RequestInput, text: string): Value {
  const json = inputOfText(type, text);
  if (json === null && optional) return null;
  const value = json === null ? new InputFault('is null, and not optional') : inputValue(type, json);
  if (!(value instanceof InputFault)) return value;
  throw usage(
    `--input ${name}${value.path} ${value.fault}`,
    'Give the value as a request has it, in JSON or as text.',
  );
}

function usage(message: string, help: string): Error {
  return registryError('REG_USAGE', message, { field: 'input', help });
}
