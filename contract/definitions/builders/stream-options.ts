/** What a definition file may say of a source whose events come as messages. */
import type { Duration } from '../../std/duration.ts';
import type { StoredFeature } from '../draft.ts';
import type { Checked } from '../refused.ts';

export type StreamFields = Readonly<Record<string, StoredFeature>>;

/** The name of a field of one of these types. */
type FieldOf<Fields extends StreamFields, Type extends string> = {
  [Name in keyof Fields]: Fields[Name]['~type'] extends Type ? Name : never;
}[keyof Fields] &
  string;

type Messages =
  | {
      /** Of Kafka. */
      readonly topic: string;
      readonly folder?: never;
      readonly format: 'json' | 'debezium' | SchemaFormat;
    }
  | {
      /** Files of JSON lines or Parquet, relative to the project's folder; read in the order of their names. */
      readonly folder: string;
      readonly topic?: never;
      readonly format: 'json' | 'debezium' | 'parquet' | SchemaFormat;
    };

/** Values whose schema stands in a file, relative to the project's folder. */
type SchemaFormat =
  | { readonly protobuf: { readonly file: string; readonly message: string } }
  | { readonly avro: { readonly file: string } };

type FieldFaults<Fields> = {
  readonly [Name in keyof Fields]: Lowercase<
    Name & string
  > extends `_${'partition' | 'offset' | 'appended' | 'archived' | 'op'}`
    ? 'the archive has a column of this name'
    : never;
};

export type StreamOptions<Fields extends StreamFields = StreamFields> = Messages & {
  /** What the messages hold, timestamps with their unit: `t.timestamp({ unit: 'ms' })`. */
  readonly fields: Checked<Fields, FieldFaults<Fields>>;
  readonly eventTime: FieldOf<NoInfer<Fields>, 'timestamp'>;
  /** Two events with the same keys, id and event time are one that came twice. */
  readonly id?: FieldOf<NoInfer<Fields>, 'string' | 'int32' | 'int64' | 'bytes' | 'timestamp'>;
  /** The field that is the messages' key, so that all events of an entity are in one partition. */
  readonly keyedBy?: FieldOf<NoInfer<Fields>, 'string' | 'int32' | 'int64'>;
  /** The folder that keeps every message, a Delta table; relative to the project's folder. */
  readonly archive: string;
  /** The field that says whether an event counts or takes back an earlier one. */
  readonly op?: {
    readonly column: FieldOf<NoInfer<Fields>, 'string' | 'int32' | 'bool'>;
    readonly insert: readonly (string | number | boolean)[];
    readonly delete: readonly (string | number | boolean)[];
  };
  /** An event further ahead of its append time is a bad row, written by a wrong clock. */
  readonly maxAhead?: Duration;
  /** How long after an event older ones may still come; 5s unless given. */
  readonly outOfOrder?: Duration;
};
