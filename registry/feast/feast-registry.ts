/**
 * What is read of a Feast registry: the bytes of `feast.core.Registry`, as `registry.db` holds them (tested with Feast
 * 0.67). The messages below are the parts of its schema that have, or lack, a counterpart here.
 */
import protobuf from 'protobufjs';
import { registryError } from '../../contract/errors.ts';

const SCHEMA = `syntax = "proto3"; package feast.core;
message Duration { int64 seconds = 1; }
message Field { string name = 1; int32 value_type = 2; map<string, string> tags = 3; string description = 4;
  int32 vector_length = 7; }
message Entity { EntitySpec spec = 1; }
message EntitySpec { string name = 1; int32 value_type = 2; string description = 3; string join_key = 4;
  map<string, string> tags = 8; string owner = 10; }
message DataSource { int32 type = 1; map<string, string> field_mapping = 2; string timestamp_field = 3;
  string created_timestamp_column = 5; File file_options = 11; Table bigquery_options = 12; Kafka kafka_options = 13;
  Table redshift_options = 15; Table snowflake_options = 19; string name = 20; DataSource batch_source = 26;
  Spark spark_options = 27; Table trino_options = 30; Table athena_options = 35; Request request_data_options = 18;
  string data_source_class_type = 17; }
message File { Format file_format = 1; string uri = 2; }
message Format { Nothing parquet_format = 1; Nothing delta_format = 2; }
message Nothing {}
message Table { string table = 1; string query = 2; }
message Spark { string table = 1; string query = 2; string path = 3; string file_format = 4; Lake table_format = 6; }
message Lake { Nothing iceberg_format = 1; Nothing delta_format = 2; Nothing hudi_format = 3; Nothing lance_format = 4; }
message Kafka { string kafka_bootstrap_servers = 1; string topic = 2; }
message Request { repeated Field schema = 3; }
message FeatureView { ViewSpec spec = 1; }
message ViewSpec { string name = 1; repeated string entities = 3; repeated Field features = 4;
  map<string, string> tags = 5; Duration ttl = 6; DataSource batch_source = 7; DataSource stream_source = 9;
  string description = 10; string owner = 11; repeated Field entity_columns = 12; Nothing feature_transformation = 15; }
message StreamFeatureView { StreamSpec spec = 1; }
message StreamSpec { string name = 1; repeated string entities = 3; repeated Field features = 4;
  repeated Field entity_columns = 5; string description = 6; map<string, string> tags = 7; string owner = 8;
  Duration ttl = 9; DataSource batch_source = 10; DataSource stream_source = 11; Nothing user_defined_function = 13;
  repeated Aggregation aggregations = 15; Nothing feature_transformation = 17; }
message Aggregation { string column = 1; string function = 2; Duration time_window = 3; }
message OnDemandFeatureView { OnDemandSpec spec = 1; }
message OnDemandSpec { string name = 1; repeated Field features = 3; map<string, OnDemandSource> sources = 4; }
message OnDemandSource { Projection feature_view_projection = 3; DataSource request_data_source = 2; }
message Projection { string feature_view_name = 1; repeated Field feature_columns = 2;
  string feature_view_name_alias = 3; map<string, string> join_key_map = 4; }
message FeatureService { ServiceSpec spec = 1; }
message ServiceSpec { string name = 1; repeated Projection features = 3; map<string, string> tags = 4;
  string description = 5; string owner = 6; Nothing logging_config = 7; }
message LabelView { Named spec = 1; }
message Named { string name = 1; }
message Registry { repeated Entity entities = 1; repeated FeatureView feature_views = 6;
  repeated FeatureService feature_services = 7; repeated OnDemandFeatureView on_demand_feature_views = 8;
  repeated Named saved_datasets = 11; repeated DataSource data_sources = 12; repeated Named validation_references = 13;
  repeated StreamFeatureView stream_feature_views = 14; repeated Nothing permissions = 16;
  repeated LabelView label_views = 19; }`;

type Texts = Readonly<Record<string, string>>;

export interface FeastField {
  readonly name: string;
  /** The number of `feast.types.ValueType.Enum`; 0: none is said. */
  readonly valueType: number;
  readonly description: string;
  readonly tags: Texts;
  readonly vectorLength: number;
}

interface FeastTable {
  readonly table: string;
  readonly query: string;
}

export interface FeastSource {
  readonly name: string;
  readonly fieldMapping: Texts;
  readonly timestampField: string;
  readonly createdTimestampColumn: string;
  readonly batchSource: FeastSource | null;
  readonly fileOptions: {
    readonly uri: string;
    readonly fileFormat: Readonly<Record<string, unknown>> | null;
  } | null;
  readonly sparkOptions:
    | (FeastTable & {
        readonly path: string;
        readonly fileFormat: string;
        readonly tableFormat: Readonly<Record<string, unknown>> | null;
      })
    | null;
  readonly kafkaOptions: { readonly topic: string } | null;
  readonly requestDataOptions: { readonly schema: readonly FeastField[] } | null;
  readonly bigqueryOptions: FeastTable | null;
  readonly redshiftOptions: FeastTable | null;
  readonly snowflakeOptions: FeastTable | null;
  readonly trinoOptions: FeastTable | null;
  readonly athenaOptions: FeastTable | null;
  readonly dataSourceClassType: string;
}

export interface FeastEntity {
  readonly name: string;
  readonly valueType: number;
  readonly description: string;
  readonly joinKey: string;
  readonly tags: Texts;
  readonly owner: string;
}

export interface FeastView {
  readonly name: string;
  readonly entities: readonly string[];
  readonly features: readonly FeastField[];
  readonly entityColumns: readonly FeastField[];
  readonly tags: Texts;
  readonly ttl: { readonly seconds: number } | null;
  readonly batchSource: FeastSource | null;
  readonly streamSource: FeastSource | null;
  readonly description: string;
  readonly owner: string;
  /** A function, or a plan, of Python: null where rows are taken as they are. */
  readonly featureTransformation: object | null;
  readonly userDefinedFunction?: object | null;
  /** Of a stream feature view alone. */
  readonly aggregations?: readonly {
    readonly column: string;
    readonly function: string;
    readonly timeWindow: { readonly seconds: number } | null;
  }[];
}

export interface FeastProjection {
  readonly featureViewName: string;
  readonly featureViewNameAlias: string;
  readonly featureColumns: readonly FeastField[];
  readonly joinKeyMap: Texts;
}

export interface FeastService {
  readonly name: string;
  readonly features: readonly FeastProjection[];
  readonly tags: Texts;
  readonly description: string;
  readonly owner: string;
  readonly loggingConfig: object | null;
}

export interface FeastOnDemandView {
  readonly name: string;
  readonly features: readonly FeastField[];
  readonly sources: Readonly<
    Record<
      string,
      {
        readonly featureViewProjection: FeastProjection | null;
        readonly requestDataSource: FeastSource | null;
      }
    >
  >;
}

interface Spec<T> {
  readonly spec: T;
}

export interface FeastRegistry {
  readonly entities: readonly Spec<FeastEntity>[];
  readonly featureViews: readonly Spec<FeastView>[];
  readonly streamFeatureViews: readonly Spec<FeastView>[];
  readonly onDemandFeatureViews: readonly Spec<FeastOnDemandView>[];
  readonly featureServices: readonly Spec<FeastService>[];
  readonly labelViews: readonly Spec<{ readonly name: string }>[];
  readonly savedDatasets: readonly object[];
  readonly validationReferences: readonly object[];
  readonly permissions: readonly object[];
}

/** @throws REG_FEAST when the bytes are no registry */
export function decodeFeastRegistry(bytes: Uint8Array, from: string): FeastRegistry {
  const message = protobuf.parse(SCHEMA).root.lookupType('feast.core.Registry');
  try {
    const decoded = message.decode(bytes);
    return message.toObject(decoded, { defaults: true, longs: Number }) as FeastRegistry;
  } catch (error) {
    const why = `${from} is no registry of Feast: ${(error as Error).message}`;
    throw registryError('REG_FEAST', why, {}, error);
  }
}
