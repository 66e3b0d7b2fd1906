/** The stream of a source within the canonical JSON of definitions, and what that JSON must look like. */
import { z } from 'zod';
import type { Source } from '../model.ts';
import type { Json } from '../std/canonical-json.ts';
import { isArchiveColumn, TIME_UNITS } from '../stream-source.ts';
import type { StreamField, StreamSource } from '../stream-source.ts';
import { formatType, parseType } from '../value-type.ts';

/** A source of files has the text that it always had. */
export function sourceToJson({ stream, ...source }: Source): Json {
  return { ...source, ...(stream === undefined ? {} : { stream: streamToJson(stream) }) };
}

function streamToJson({ fields, ...stream }: StreamSource): Json {
  return { ...stream, fields: fieldsToJson(fields) } as unknown as Json;
}

export function fieldsToJson(fields: readonly StreamField[]): Json {
  return fields.map(({ name, type, unit }) => ({ name, type: formatType(type), unit }));
}

/** @param json  as `STREAM_SHAPE` has it */
export function sourceFromJson(json: Json): Source {
  const { stream, ...source } = json as unknown as Source;
  if (stream === undefined) return source;
  const fields = stream.fields as unknown as readonly {
    name: string;
    type: string;
    unit: StreamField['unit'];
  }[];
  return {
    ...source,
    stream: { ...stream, fields: fields.map((one) => ({ ...one, type: parseType(one.type)! })) },
  };
}

const text = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'expected text without a NUL');
const type = z.string().refine((given) => parseType(given) !== null, 'expected a type');

const format = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['json', 'debezium', 'parquet']) }),
  z.object({ kind: z.literal('protobuf'), file: text, message: text, schema: text }),
  z.object({ kind: z.literal('avro'), file: text, schema: text }),
]);

const field = z.object({ name: text, type, unit: z.enum(TIME_UNITS).nullable() });

/** What a program may rely on that gets a bundle: each option names a field, and no field is there twice. */
export const STREAM_SHAPE = z
  .object({
    topic: text.nullable(),
    folder: text.nullable(),
    format,
    fields: z.array(field).min(1),
    id: text.nullable(),
    keyedBy: text.nullable(),
    op: z
      .object({ column: text, insert: z.array(z.string()).min(1), delete: z.array(z.string()).min(1) })
      .nullable(),
  })
  .superRefine(({ topic, folder, fields, id, keyedBy, op }, context) => {
    const fault = (path: PropertyKey[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    if ((topic === null) === (folder === null))
      fault(['topic'], 'expected a topic or a folder, and not both');
    const names = fields.map((one) => one.name);
    const lower = names.map((name) => name.toLowerCase());
    const at = lower.findIndex((name, i) => lower.indexOf(name) < i || isArchiveColumn(name));
    if (at !== -1) fault(['fields', at, 'name'], `"${names[at]!}" is there twice`);
    const named = [
      ['id', id],
      ['keyedBy', keyedBy],
      ['op', op?.column ?? null],
    ] as const;
    for (const [option, name] of named)
      if (name !== null && !names.includes(name)) fault([option], `there is no field "${name}"`);
  });
