/** What definition files import: the builders, and the types of what they take. */
export { agg } from './contract/definitions/aggregate.ts';
export { entity, featureService, featureView, source, vars } from './contract/definitions/define.ts';
export type { EntityOptions, ParquetOptions, ServiceOptions } from './contract/definitions/define.ts';
export type {
  AggregateOptions,
  FeatureOptions,
  NumberOptions,
} from './contract/definitions/feature-options.ts';
export { t } from './contract/definitions/stored-feature.ts';
export type { ViewOptions } from './contract/definitions/view-options.ts';
export type { Duration } from './contract/std/duration.ts';
