/** What definition files import: the builders, and the types of what they take. */
export { agg } from './contract/definitions/aggregate.ts';
export type { AggregateOptions } from './contract/definitions/aggregate.ts';
export { entity, featureService, featureView, source, vars } from './contract/definitions/define.ts';
export type {
  EntityOptions,
  ParquetOptions,
  ServiceOptions,
  ViewOptions,
} from './contract/definitions/define.ts';
export { t } from './contract/definitions/stored-feature.ts';
export type { FeatureOptions } from './contract/definitions/stored-feature.ts';
