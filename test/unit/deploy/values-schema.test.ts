/** The schemas that Helm holds values against: those of the code, which refuse what `plumb k8s render` refuses. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SIDECAR_CHART } from '../../../deploy/kubernetes/manifest.ts';
import { chartValues, checkedValues } from '../../../deploy/kubernetes/project-values.ts';
import { valuesSchemas } from '../../../deploy/kubernetes/values-schema.ts';
import { VALUE_SETS } from '../../support/deploy/deployments.ts';

const CHARTS = join(import.meta.dirname, '../../../deploy/helm');
const textIn = (chart: string, file: string): string => readFileSync(join(CHARTS, chart, file), 'utf8');
const validators = new Map(
  [...valuesSchemas()].map(([chart, text]) => [chart, new Ajv().compile(JSON.parse(text))]),
);

/** @returns what the schema says of the values; null: they fit */
function mistakesOf(chart: string, values: unknown): string | null {
  const validate = validators.get(chart)!;
  return validate(values) ? null : new Ajv().errorsText(validate.errors);
}

test.each([...valuesSchemas()])('%s: `npm run charts` writes the schema', (chart, text) => {
  expect(textIn(chart, 'values.schema.json')).toBe(text);
});

test.each(Object.entries(VALUE_SETS))('%s: values fit', (_, given) => {
  const values = checkedValues([chartValues(), given]);
  const { [SIDECAR_CHART]: sidecar, ...own } = values;
  expect(mistakesOf('plumbline', own)).toBeNull();
  // The programs' chart has none of the sidecar's, and takes what a file for both gives.
  expect(
    mistakesOf('plumbline', { ...own, [SIDECAR_CHART]: given[SIDECAR_CHART] ?? {}, global: {} }),
  ).toBeNull();
  expect(mistakesOf(SIDECAR_CHART, { ...sidecar, global: {} })).toBeNull();
});

test.each([
  ['stream', { replcas: 2 }, /\/stream must NOT have additional properties/],
  ['stream', { replicas: 0 }, /\/stream\/replicas must be >= 1/],
  ['monitor', { schedule: 'daily' }, /\/monitor\/schedule must match pattern/],
  ['podMonitor', { interval: 'often' }, /\/podMonitor\/interval must match pattern/],
  [SIDECAR_CHART, { mode: 'sidecar' }, /\/plumbline-sidecar\/mode must be equal to one of/],
  [SIDECAR_CHART, { spool: { sise: '3Gi' } }, /\/spool must NOT have additional properties/],
])('%s: %j does not', (name, given, said) => {
  const own = parse(textIn('plumbline', 'values.yaml')) as Record<string, object>;
  expect(mistakesOf('plumbline', { ...own, [name]: { ...own[name], ...given } })).toMatch(said);
  expect(() => checkedValues([chartValues(), { [name]: given }])).toThrow(/values of the deployment/);
});
