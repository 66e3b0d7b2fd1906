/**
 * JSON Schema of definitions in YAML, and of plumbline.yaml, for editors that complete and check what is typed. Made
 * from the very schemas that `plumb plan` and the settings are checked with; what depends on several options at once,
 * or on the data, `plumb plan` alone finds.
 */
import { z } from 'zod';
import {
  ENTITY_OPTIONS,
  FEATURE_OPTIONS,
  INPUT_OPTIONS,
  ON_DEMAND_FEATURE_OPTIONS,
  ON_DEMAND_OPTIONS,
  SERVICE_OPTIONS,
  SOURCE_OPTIONS,
  STREAM_SOURCE_OPTIONS,
  VIEW_OPTIONS,
} from '../../contract/definitions/option-schemas.ts';
import { SETTING_GUIDE } from '../../project/settings/setting-guide.ts';
import { SETTINGS_FILE } from '../../project/settings/settings.ts';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const VALUE_TYPE = {
  type: 'string',
  description:
    'int32, int64, float32, float64, bool, string, bytes, timestamp, date, list<int64>, embedding(128), ...',
};
const NAME = { type: 'string', minLength: 1 };

/** What a YAML document of a definition file may hold: one definition, known by its first key. */
export function definitionSchema(): Schema {
  const feature = { anyOf: [VALUE_TYPE, withType(schemaOf(FEATURE_OPTIONS))] };
  const computed = { anyOf: [VALUE_TYPE, withType(schemaOf(ON_DEMAND_FEATURE_OPTIONS))] };
  const source = [schemaOf(SOURCE_OPTIONS), schemaOf(STREAM_SOURCE_OPTIONS)];
  const view = { ...NAME, description: 'the name of a view, or view:feature' };
  const names = { type: 'array', items: NAME };
  const selected = recordOf({ view: NAME, as: NAME, joinKeys: mapOf(NAME), features: names }, ['view']);
  const called = recordOf({ feature: NAME, as: NAME }, ['feature', 'as']);
  const services = { type: 'array', items: { anyOf: [view, selected, called] } };
  return {
    $schema: DIALECT,
    title: 'a definition of Plumbline',
    anyOf: [
      kind('entity', schemaOf(ENTITY_OPTIONS), { joinKeys: mapOf(VALUE_TYPE) }),
      ...source.map((one) => kind('source', one, one['properties'] === undefined ? {} : streamFields(one))),
      kind('featureView', schemaOf(VIEW_OPTIONS), {
        entity: NAME,
        source: { anyOf: [NAME, ...source] },
        features: mapOf(feature),
      }),
      kind('onDemandView', schemaOf(ON_DEMAND_OPTIONS), {
        inputs: mapOf({ anyOf: [VALUE_TYPE, withType(schemaOf(INPUT_OPTIONS))] }),
        uses: { type: 'array', items: { anyOf: [view, selected] } },
        features: mapOf(computed),
        compute: {
          ...NAME,
          description: 'a module with the function as its default export, such as ./ratio.ts',
        },
      }),
      kind('featureService', schemaOf(SERVICE_OPTIONS), { features: services }, ['features']),
    ],
  };
}

/** Of plumbline.yaml, each setting with what it means. */
export function settingsSchema(): Schema {
  const schema = schemaOf(SETTINGS_FILE);
  describe(schema, '');
  const properties = schema['properties'] as Schema;
  // It may be its URL alone.
  properties['online'] = { anyOf: [{ type: 'string' }, properties['online']] };
  return { ...schema, $schema: DIALECT, title: 'plumbline.yaml' };
}

type Schema = Record<string, unknown>;

/** What a person writes, not what it becomes; what only code can check takes anything. */
function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return rest;
}

/** A definition has its name where its kind stands. */
function kind(key: string, options: Schema, own: Schema, needed: readonly string[] = []): Schema {
  const required = (options['required'] as string[] | undefined) ?? [];
  return {
    ...options,
    properties: { [key]: NAME, ...(options['properties'] as Schema), ...own },
    required: [key, ...required, ...needed],
  };
}

function streamFields({ properties }: Schema): Schema {
  return 'fields' in (properties as Schema)
    ? {
        fields: mapOf({
          anyOf: [VALUE_TYPE, recordOf({ type: VALUE_TYPE, unit: NAME, description: NAME }, ['type'])],
        }),
      }
    : {};
}

function withType(options: Schema): Schema {
  return { ...options, properties: { ...(options['properties'] as Schema), type: VALUE_TYPE } };
}

function mapOf(values: object): Schema {
  return { type: 'object', additionalProperties: values };
}

function recordOf(properties: Schema, required: readonly string[]): Schema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** @param isTold  whether what the path stands for is told around it */
function describe(schema: Schema, path: string, isTold = false): void {
  const guide = SETTING_GUIDE[path];
  if (guide !== undefined && !isTold) schema['description'] = `${guide.means} (${guide.takes})`;
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
  for (const [name, one] of Object.entries(properties)) describe(one, path === '' ? name : `${path}.${name}`);
  for (const one of (schema['anyOf'] ?? []) as Schema[]) describe(one, path, true);
}
