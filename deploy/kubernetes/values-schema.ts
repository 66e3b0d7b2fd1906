/**
 * `values.schema.json` of the charts: JSON Schema of what `manifest.ts` says of their values, so that Helm refuses what
 * `plumb k8s render` would refuse. Written by write-schemas.ts, held to manifest.ts by a test.
 */
import { z } from 'zod';
import { DEPLOY_VALUES, SIDECAR_CHART, SIDECAR_VALUES } from './manifest.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly [more: string]: unknown;
}

/** What Helm reads of a chart: draft 7 is what each of its versions takes. */
export const SCHEMA_FILE = 'values.schema.json';

/** @returns schema text by the name of the chart */
export function valuesSchemas(): ReadonlyMap<string, string> {
  const { [SIDECAR_CHART]: ofSidecar, ...own } = schemaOf(DEPLOY_VALUES).properties!;
  const programs = schemaOf(DEPLOY_VALUES.omit({ [SIDECAR_CHART]: true }));
  // The programs' chart takes the sidecar's values for its policy alone: as many of them as are given.
  const both = { ...programs, properties: { ...own, [SIDECAR_CHART]: inPart(ofSidecar!) } };
  const schemas = { plumbline: both, [SIDECAR_CHART]: schemaOf(SIDECAR_VALUES) };
  return new Map(Object.entries(schemas).map(([chart, schema]) => [chart, textOf(schema)]));
}

function schemaOf(values: z.ZodType): Schema {
  return z.toJSONSchema(values, { target: 'draft-7' }) as Schema;
}

/** The same with nothing required, at any depth. */
function inPart(schema: Schema): Schema {
  const { required: _, properties, ...rest } = schema;
  if (properties === undefined) return rest;
  const parts = Object.entries(properties).map(([name, one]) => [name, inPart(one)]);
  return { ...rest, properties: Object.fromEntries(parts) };
}

/** Helm hands a chart that is part of another the `global` of all. */
function textOf(schema: Schema): string {
  const properties = { ...schema.properties, global: { type: 'object' } };
  return `${JSON.stringify({ ...schema, properties }, null, 2)}\n`;
}
