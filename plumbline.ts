/** What definition files import: the builders, and the types of what they take. */
export { agg, entity, featureService, featureView, source, t, vars } from './contract/definitions/define.ts';
export type {
  AggregateOptions,
  EntityOptions,
  FeatureOptions,
  ParquetOptions,
  ServiceOptions,
  ViewOptions,
} from './contract/definitions/define.ts';
