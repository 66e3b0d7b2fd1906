/**
 * What the archive has of on-demand views against `decodeServed`: inputs, outputs and statuses of any values, marked or
 * not, whole or cut short, are logged, archived, and read back from Parquet.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { publishBundle } from '../../contract/definitions/bundle-folder.ts';
import type { Bundle } from '../../contract/model.ts';
import { decodeServed } from '../../contract/served-values.ts';
import { PRESENT, STATUSES, UNAVAILABLE } from '../../contract/status.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import { ComputedFields } from '../../contract/wire/log/computed-fields.ts';
import { decodeRecord } from '../../contract/wire/log/served-decoder.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { ServedRecord, ServedRequest, ServedVector } from '../../contract/wire/log/served-record.ts';
import { valueFromDuck } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { anyValueOf } from '../support/fixtures/any-value.ts';
import { archivedRecords, recordsOf } from '../support/fixtures/archived-requests.ts';
import { onDemandContent } from '../support/fixtures/on-demand-bundle.ts';
import { SERVED_US } from '../support/fixtures/served-requests.ts';
import { scratchFolder } from '../support/scratch.ts';

const SERVICE = onDemandContent().services.get('ordered')!;
/** Those that requests send. */
const INPUTS = SERVICE.inputs.filter(({ requestTime }) => !requestTime);
const OUTPUTS = SERVICE.features.flatMap(({ fullName, role, feature }) => {
  const onDemand = SERVICE.onDemand.findIndex((one) => one.role === role);
  if (onDemand === -1) return [];
  const { features } = onDemandContent().onDemand.get(SERVICE.onDemand[onDemand]!.view)!;
  return [{ name: fullName, onDemand, type: features.find(({ name }) => name === feature)!.type }];
});

const marks = (count: number): fc.Arbitrary<number[]> =>
  fc.array(fc.nat(2), { minLength: count, maxLength: count });

interface List {
  readonly values: readonly Value[];
  /** Whether the last value is not there. */
  readonly isCut: boolean;
  /** Whether one HMAC too few is there. */
  readonly lacksHmac: boolean;
}

const listOf = (types: readonly ValueType[]): fc.Arbitrary<List> =>
  fc.record({
    values: fc.tuple(...types.map(anyValueOf)),
    isCut: fc.nat(9).map((n) => n === 0),
    lacksHmac: fc.nat(9).map((n) => n === 0),
  });

const anyRequests = fc.record({
  inputMarks: marks(INPUTS.length),
  outputMarks: marks(OUTPUTS.length),
  vectors: fc.array(
    fc.record({
      statuses: fc.tuple(...SERVICE.onDemand.map(() => fc.constantFrom(PRESENT, UNAVAILABLE))),
      inputs: listOf(INPUTS.map(({ type }) => type)),
      outputs: listOf(OUTPUTS.map(({ type }) => type)),
    }),
    { minLength: 1, maxLength: 40 },
  ),
});

type AnyRequests = typeof anyRequests extends fc.Arbitrary<infer Requests> ? Requests : never;
type AnyVector = Omit<AnyRequests['vectors'][number], 'statuses'> & { readonly statuses: readonly number[] };

test('inputs, outputs and statuses are what every reader of the log decodes; a cut list keeps its bytes', async () => {
  const scratch = scratchFolder();
  let [whole, cut, hashed] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(anyRequests, async (any) => {
      const folder = join(scratch, 'case');
      rmSync(folder, { recursive: true, force: true });
      const bundle = publishBundle(join(folder, 'bundles'), onDemandContent());
      const records = recordsOf(any.vectors.map((vector) => requestOf(bundle.hash, any, vector)));
      const found = await archivedRecords(folder, records);
      expect(found).toHaveLength(records.length);
      for (const [i, record] of records.entries()) {
        const { record: served } = decodeRecord(record) as { readonly record: ServedRecord };
        const row = found[i]!;
        expect(told(row)).toEqual(decoded(bundle, served));
        const { inputs, outputs } = any.vectors[i]!;
        cut += Number(inputs.isCut) + Number(outputs.isCut);
        whole += Number(!inputs.isCut) + Number(!outputs.isCut);
        hashed += any.inputMarks.filter((mark) => mark === LOG_HMAC).length;
      }
    }),
    { numRuns: 25 },
  );
  expect([whole, cut, hashed].every((count) => count > 30)).toBe(true);
});

test('without a bundle the lists keep their bytes, and the statuses are there', async () => {
  const folder = scratchFolder();
  const vector = {
    statuses: [PRESENT, UNAVAILABLE],
    inputs: { values: [1.5, null, 3n, []], isCut: false, lacksHmac: false },
    outputs: { values: [0.5, 'a', 1n, 2.5, [], 3], isCut: false, lacksHmac: false },
  };
  const requests = { inputMarks: INPUTS.map(() => 0), outputMarks: OUTPUTS.map(() => 0), vectors: [] };
  const said: string[] = [];
  const records = recordsOf([requestOf('0123456789abcdef', requests, vector)]);
  const [row] = await archivedRecords(folder, records, { warn: (line) => said.push(line) });
  expect(row).toMatchObject({ _status__trip: 'PRESENT', _status__fee: 'UNAVAILABLE' });
  expect(row).not.toHaveProperty('_input__cart');
  expect(bytesOf(row!['_undecoded__inputs']!)).toMatch(/^94cb/);
  expect(bytesOf(row!['_undecoded__outputs']!)).toMatch(/^96cb/);
  expect(said.join()).toContain('0123456789abcdef');
});

function requestOf(
  bundle: string,
  { inputMarks, outputMarks }: AnyRequests,
  vector: AnyVector,
): ServedRequest {
  const rows = SERVICE.views.map(({ role, view }) => {
    return { role, view, status: 2, source: 2, fetchedUs: SERVED_US - 1, watermarkUs: 0, row: null };
  });
  const vectors: ServedVector[] = [
    { keys: ['17'], rows, computed: computedOf({ inputMarks, outputMarks }, vector) },
  ];
  return {
    requestId: 'r',
    servedUs: SERVED_US,
    surface: 0,
    service: SERVICE.name,
    serviceVersion: 3,
    bundle,
    keyNames: ['customer_id'],
    features: [],
    vectors,
    answer: null,
    hmacKeyId: 'k1',
    inputNames: INPUTS.map(({ name }) => name),
    inputPolicies: inputMarks,
    onDemand: SERVICE.onDemand.map(({ role, view }, i) => ({
      role,
      view,
      definitionId: 7,
      outputPolicies: outputMarks.filter((_, o) => OUTPUTS[o]!.onDemand === i),
    })),
  };
}

function computedOf(
  { inputMarks, outputMarks }: Pick<AnyRequests, 'inputMarks' | 'outputMarks'>,
  { statuses, inputs, outputs }: AnyVector,
): NonNullable<ServedVector['computed']> {
  const fields = new ComputedFields();
  const inputTypes = INPUTS.map(({ type }) => type);
  writeList(fields, 'inputs', { types: inputTypes, marks: inputMarks, list: inputs });
  const given = outputs.values.map((value, o) => (statuses[OUTPUTS[o]!.onDemand] === PRESENT ? value : null));
  const outputTypes = OUTPUTS.map(({ type }) => type);
  writeList(fields, 'outputs', {
    types: outputTypes,
    marks: outputMarks,
    list: { ...outputs, values: given },
  });
  fields.statuses(statuses, 0, statuses.length);
  writeHmacs(fields, 'inputHmacs', inputMarks, inputs);
  writeHmacs(fields, 'outputHmacs', outputMarks, outputs);
  return { buffer: fields.written, from: 0, to: fields.length };
}

function writeList(
  fields: ComputedFields,
  name: 'inputs' | 'outputs',
  {
    types,
    marks: policies,
    list,
  }: { readonly types: readonly ValueType[]; readonly marks: readonly number[]; readonly list: List },
): void {
  const count = types.length - Number(list.isCut);
  fields.open(name, count);
  for (let i = 0; i < count; i++) fields.add(types[i]!, policies[i] === LOG_RAW ? list.values[i]! : null);
  fields.close();
}

function writeHmacs(
  fields: ComputedFields,
  name: 'inputHmacs' | 'outputHmacs',
  policies: readonly number[],
  { lacksHmac }: List,
): void {
  const count = policies.filter((policy) => policy === LOG_HMAC).length - Number(lacksHmac);
  for (let i = 0; i < count; i++) fields.hmac(name, Buffer.alloc(32, i + 1));
}

/** What a row of the archive has of on-demand views. */
function told(row: SqlRow) {
  return {
    inputs: INPUTS.map(({ name, type }) => valueFromDuck(type, row[`_input__${name}`]!)),
    inputHmacs: INPUTS.map(({ name }) => bytesOf(row[`_input__${name}__hmac`] ?? null)),
    outputs: OUTPUTS.map(({ name, type }) => valueFromDuck(type, row[name]!)),
    outputHmacs: OUTPUTS.map(({ name }) => bytesOf(row[`${name}__hmac`] ?? null)),
    statuses: SERVICE.onDemand.map(({ role }) => row[`_status__${role}`]),
    names: SERVICE.onDemand.map(({ role }) =>
      valueFromDuck({ kind: 'list', of: { kind: 'string' } }, row[`_outputs__${role}`]!),
    ),
    undecoded: [bytesOf(row['_undecoded__inputs']!), bytesOf(row['_undecoded__outputs']!)],
  };
}

/** The same of a record, by the decoder of the whole log. */
function decoded(bundle: Bundle, record: ServedRecord): ReturnType<typeof told> {
  const [vector] = decodeServed(bundle, record);
  const [logged] = record.vectors;
  const outputMarks = OUTPUTS.map(({ onDemand }, o) => {
    const before = OUTPUTS.slice(0, o).filter((one) => one.onDemand === onDemand).length;
    return record.onDemand[onDemand]!.outputPolicies[before] ?? LOG_RAW;
  });
  const bytes = (list: Buffer | null, count: number): string | null =>
    list === null || list[0] === 0x90 + count ? null : list.toString('hex');
  return {
    inputs: vector!.inputs.map(({ value }) => value),
    inputHmacs: hmacsOf(record.inputPolicies, logged!.inputHmacs),
    outputs: vector!.outputs.map(({ value }) => value),
    outputHmacs: hmacsOf(outputMarks, logged!.outputHmacs),
    statuses: logged!.outputStatuses.map((status) => STATUSES[status]!),
    names: SERVICE.onDemand.map((_, i) =>
      OUTPUTS.filter(({ onDemand }) => onDemand === i).map(({ name }) => name),
    ),
    undecoded: [bytes(logged!.inputs, INPUTS.length), bytes(logged!.outputs, OUTPUTS.length)],
  };
}

/** One HMAC for each hashed value; none where there is not one for each. */
function hmacsOf(policies: readonly number[], hmacs: readonly Buffer[]): (string | null)[] {
  const count = policies.filter((policy) => policy === LOG_HMAC).length;
  let next = 0;
  return policies.map((policy) =>
    policy === LOG_HMAC && hmacs.length === count ? hmacs[next++]!.toString('hex') : null,
  );
}

function bytesOf(blob: SqlRow[string]): string | null {
  return blob === null ? null : Buffer.from((blob as unknown as { bytes: Uint8Array }).bytes).toString('hex');
}
