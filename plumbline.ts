/** What definition files import: the builders, and the types of what they take. */
export { agg, session } from './contract/definitions/builders/aggregate.ts';
export {
  entity,
  featureService,
  featureView,
  module,
  onDemandView,
  source,
  vars,
} from './contract/definitions/builders/define.ts';
export type {
  EntityOptions,
  ParquetOptions,
  TableOptions,
  ServiceOptions,
} from './contract/definitions/builders/define.ts';
export type {
  AggregateOptions,
  FeatureOptions,
  NumberOptions,
} from './contract/definitions/builders/feature-options.ts';
export type { OnDemandOptions } from './contract/definitions/builders/on-demand-options.ts';
export type { StreamOptions } from './contract/definitions/builders/stream-options.ts';
export { t } from './contract/definitions/builders/stored-feature.ts';
export type { ViewOptions } from './contract/definitions/builders/view-options.ts';
export type { Duration } from './contract/std/duration.ts';
