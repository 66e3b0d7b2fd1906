/**
 * A ModelInferRequest as the request that it would be over HTTP: the fields of the JSON, and behind them the bytes of
 * the tensors, so that one reader (oip-request.ts) takes both. Called by oip-grpc.ts.
 *
 *   ModelInferRequest    1 model_name, 2 model_version, 3 id, 4 parameters, 5 inputs, 6 outputs, 7 raw_input_contents
 *   InferInputTensor     1 name, 2 datatype, 3 shape, 4 parameters, 5 contents
 *   InferTensorContents  one list a kind of datatypes: CONTENTS
 */
import { MessageReader } from '../../../contract/wire/proto/message-reader.ts';
import { sidecarError } from '../../errors.ts';
import { readMessage } from '../message-body.ts';

interface InferMessage {
  readonly model: string;
  /** null: whichever is served. */
  readonly version: string | null;
  /** As JSON has it over HTTP. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the inputs, one behind the other. */
  readonly binary: Buffer;
  /** Whether the tensors came as bytes; else as lists of values. */
  readonly isRaw: boolean;
}

interface InputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** null: it has none. */
  readonly contents: Buffer | null;
}

/** Lists of contents by their numbers, and the datatypes that stand in each. */
const CONTENTS: readonly { readonly name: string; readonly datatypes: readonly string[] }[] = [
  { name: '', datatypes: [] },
  { name: 'bool_contents', datatypes: ['BOOL'] },
  { name: 'int_contents', datatypes: ['INT32'] },
  { name: 'int64_contents', datatypes: ['INT64'] },
  { name: 'uint_contents', datatypes: [] },
  { name: 'uint64_contents', datatypes: [] },
  { name: 'fp32_contents', datatypes: ['FP32'] },
  { name: 'fp64_contents', datatypes: ['FP64'] },
  { name: 'bytes_contents', datatypes: ['BYTES'] },
];
const EMPTY = Buffer.alloc(0);

/** @throws SRV_MESSAGE, SRV_TENSOR */
export function readInferMessage(bytes: Buffer): InferMessage {
  return readMessage('ModelInferRequest', bytes, (reader) => {
    let [model, version, id] = ['', '', ''];
    const inputs: InputMessage[] = [];
    const outputs: object[] = [];
    const raw: Buffer[] = [];
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) model = reader.text();
      else if (field === 2) version = reader.text();
      else if (field === 3) id = reader.text();
      else if (field === 5) inputs.push(readInput(reader.message()));
      else if (field === 6) outputs.push(readOutput(reader.message()));
      else if (field === 7) raw.push(reader.bytes());
      else reader.skip();
    }
    const pieces = raw.length > 0 ? rawPieces(inputs, raw) : inputs.map(contentsOf);
    const body = {
      id: id === '' ? null : id,
      inputs: inputs.map(({ name, datatype, shape }, i) => {
        return { name, datatype, shape, parameters: { binary_data_size: pieces[i]!.length } };
      }),
      outputs: outputs.length === 0 ? null : outputs,
    };
    const isRaw = raw.length > 0;
    return { model, version: version === '' ? null : version, body, binary: Buffer.concat(pieces), isRaw };
  });
}

function readInput(reader: MessageReader): InputMessage {
  let [name, datatype] = ['', ''];
  const shape: number[] = [];
  let contents: Buffer | null = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) datatype = reader.text();
    else if (field === 3) for (const n of reader.varints()) shape.push(Number(signed(n)));
    else if (field === 5)
      contents = contents === null ? reader.bytes() : Buffer.concat([contents, reader.bytes()]);
    else reader.skip();
  }
  return { name, datatype, shape, contents };
}

/** @returns its name, and its parameters by their names */
function readOutput(reader: MessageReader): object {
  let name = '';
  const parameters: [string, true][] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) parameters.push([keyOf(reader.message()), true]);
    else reader.skip();
  }
  return { name, parameters: Object.fromEntries(parameters) };
}

/** @returns the key of an entry of a map */
function keyOf(reader: MessageReader): string {
  let key = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.text();
    else reader.skip();
  }
  return key;
}

function rawPieces(inputs: readonly InputMessage[], raw: readonly Buffer[]): readonly Buffer[] {
  const typed = inputs.findIndex(({ contents }) => contents !== null);
  if (typed !== -1)
    throw wrong(
      `inputs[${typed}].contents`,
      'stands beside raw_input_contents; send all data in one of the two',
    );
  if (raw.length === inputs.length) return raw;
  throw wrong(
    'raw_input_contents',
    `has ${raw.length} entries for ${inputs.length} inputs; it takes one for each`,
  );
}

/** @returns the bytes that the values would be as raw contents */
function contentsOf({ datatype, contents }: InputMessage, i: number): Buffer {
  const place = `inputs[${i}]`;
  if (contents === null) throw wrong(place, 'has no data: neither contents nor raw_input_contents');
  const expected = CONTENTS.findIndex(({ datatypes }) => datatypes.includes(datatype));
  // Another datatype is refused when the tensor is read.
  if (expected === -1) return EMPTY;
  const pieces: Buffer[] = [];
  const reader = new MessageReader(contents);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    const list = CONTENTS[field];
    if (field === expected) pieces.push(listBytes(reader, datatype));
    else if (list === undefined) reader.skip();
    else {
      const what = `holds ${list.name}, but ${datatype} stands in ${CONTENTS[expected]!.name}`;
      throw wrong(`${place}.contents`, what);
    }
  }
  return Buffer.concat(pieces);
}

function listBytes(reader: MessageReader, datatype: string): Buffer {
  switch (datatype) {
    case 'BOOL':
      return Buffer.from(reader.varints().map((value) => (Number(value) === 0 ? 0 : 1)));
    case 'INT32':
      return bytesOf(Int32Array.from(reader.varints(), (value) => Number(BigInt.asIntN(32, BigInt(value)))));
    case 'INT64':
      return bytesOf(BigInt64Array.from(reader.varints(), signed));
    case 'FP32':
      return reader.fixed(4);
    case 'FP64':
      return reader.fixed(8);
    default: {
      const text = reader.bytes();
      return Buffer.concat([bytesOf(Uint32Array.of(text.length)), text]);
    }
  }
}

/** Little endian, as every machine is that this runs on. */
function bytesOf({ buffer }: { readonly buffer: ArrayBuffer }): Buffer {
  return Buffer.from(buffer);
}

function signed(value: number | bigint): bigint {
  return BigInt.asIntN(64, BigInt(value));
}

function wrong(field: string, what: string): Error {
  return sidecarError('SRV_TENSOR', `${field} ${what}`, { field });
}
