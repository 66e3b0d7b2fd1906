/**
 * The fields of a Protocol Buffers message that a stream reads, as a bundle keeps them: made from the .proto file when
 * definitions are compiled, read by the decoder. Fields of the message that nobody reads are not there.
 */

export type ProtoKind =
  | ('int32' | 'int64' | 'uint32' | 'uint64' | 'sint32' | 'sint64' | 'bool' | 'enum')
  | ('fixed32' | 'sfixed32' | 'fixed64' | 'sfixed64' | 'float' | 'double')
  | 'string'
  | 'bytes'
  | 'message'
  /** google.protobuf.Timestamp */
  | 'timestamp'
  /** google.protobuf.Int64Value and its like: a message whose only field is the value. */
  | 'wrapper';

export interface ProtoField {
  /** Its number in the message. */
  readonly id: number;
  readonly kind: ProtoKind;
  /**
   * one: absent is its default, as proto3 has it · present: absent is null · many: repeated · map: of texts, `kind` is
   * that of the values
   */
  readonly label: 'one' | 'present' | 'many' | 'map';
  /** Of an enum: number -> name. */
  readonly names?: Readonly<Record<string, string>>;
  /** Of a message: the fields of the struct that it is read as, in their order; of a wrapper its one field. */
  readonly fields?: readonly ProtoField[];
}

/** @returns the fields that stand in a bundle as text */
export function protoFieldsOf(schema: string): readonly ProtoField[] {
  return JSON.parse(schema) as ProtoField[];
}
