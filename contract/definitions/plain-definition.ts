/**
 * What a definition comes to that says nothing of it: views and features that are made without the compiler, as those
 * of benchmarks and tests, say what matters to them and take the rest from here.
 */
import type { Feature, FeatureView } from '../model.ts';

/** All but its name and type. */
export const PLAIN_FEATURE: Omit<Feature, 'name' | 'type'> = {
  column: null,
  missing: null,
  tolerance: null,
  log: 'raw',
  checks: null,
  description: null,
  tags: [],
  examples: [],
  normalization: null,
  aggregation: null,
};

/** All but what it is and how fresh it has to be: the first version, whose rows never grow too old. */
export const PLAIN_VIEW: Omit<
  FeatureView,
  | 'id'
  | 'name'
  | 'kind'
  | 'entity'
  | 'source'
  | 'features'
  | 'definitionId'
  | 'hopUs'
  | 'freshnessUs'
  | 'freshnessAlertUs'
  | 'sourceFreshnessUs'
> = {
  version: 1,
  where: null,
  select: [],
  ttlUs: null,
  delayUs: 0,
  scheduleUs: null,
  watermark: 'cutoff',
  outOfOrderUs: 0,
  latenessUs: 0,
  startUs: null,
  owner: null,
  team: null,
  description: null,
  tags: [],
  deprecated: null,
};
