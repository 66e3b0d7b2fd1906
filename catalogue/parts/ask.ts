/** How to ask for a feature: requests that can be pasted as they stand. */
import { exampleKey, exampleValue } from '../../contract/example-value.ts';
import type { FeatureService } from '../../contract/model.ts';
import { formatType } from '../../contract/value-type.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup } from '../../project/page/markup.ts';
import { command } from './pieces.ts';

/** The same request in the ways that there are. */
export interface Ask {
  readonly service: string;
  readonly curl: string;
  readonly python: string;
  readonly tensors: string;
  readonly train: string;
}

/** @param sidecar  `http://localhost:6566` */
export function askFor(service: FeatureService, sidecar: string): Ask {
  const { name, requestKeys, inputs } = service;
  const entities = Object.fromEntries(requestKeys.map((key) => [key.name, [exampleKey(key)]]));
  const given = inputs.filter(({ requestTime }) => !requestTime);
  const context = Object.fromEntries(given.map((one) => [one.name, [exampleValue(one.type)]]));
  const body = JSON.stringify({
    feature_service: name,
    entities,
    ...(given.length === 0 ? {} : { context }),
  });
  const tensors = requestKeys.map((key) => ({
    name: key.name,
    datatype: key.type === 'string' ? 'BYTES' : key.type.toUpperCase(),
    shape: [1],
    data: [exampleKey(key)],
  }));
  const route = `${sidecar}/feature-service/get-online-features`;
  const columns = [...requestKeys.map((key) => key.name), ...given.map((one) => one.name)];
  return {
    service: name,
    curl: `curl -s ${route} -d '${body}'`,
    python: [
      'import json, urllib.request',
      `body = json.dumps(${pythonText({ feature_service: name, entities, ...(given.length === 0 ? {} : { context }) })})`,
      `with urllib.request.urlopen("${route}", body.encode()) as answer:`,
      '    print(json.load(answer))',
    ].join('\n'),
    tensors:
      `curl -s ${sidecar}/v2/models/${name}/infer -d '${JSON.stringify({ inputs: tensors })}'` +
      (given.length === 0
        ? ''
        : `\n# and a tensor of each of ${given.map((one) => `${one.name} (${formatType(one.type)})`).join(', ')}`),
    train: `plumb train --service ${name} --labels labels.parquet --out training.parquet\n# labels: ${columns.join(', ')}, event_timestamp`,
  };
}

function pythonText(value: unknown): string {
  return JSON.stringify(value).replaceAll(/\b(true|false|null)\b/g, (word) => PYTHON[word]!);
}

const PYTHON: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None' };

export function askSection({ curl, python, tensors, train }: Ask): Markup {
  const fold = (words: string, text: string): Markup =>
    html`<details class="fold ask">
      <summary>${words}</summary>
      ${command(text)}
    </details>`;
  return html`${command(curl)}${fold('Python', python)}${fold('Tensors', tensors)}${fold('A training set', train)}`;
}
