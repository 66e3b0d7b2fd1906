/**
 * Restaurants where the shop's vouchers are taken, and the service of the model that ranks them for a customer who asks
 * where to eat. `restaurants.ts` in the folder above makes their files.
 */
import { entity, featureService, featureView, module, onDemandView, source, t } from 'plumbline';

export const restaurant = entity('restaurant', {
  joinKeys: { restaurant_id: t.string() },
  owner: 'vouchers',
});

/** A row for each restaurant and morning, made at six, loaded twenty minutes later, online by eight. */
export const mornings = source.parquet('restaurant_mornings', {
  path: 'data/restaurants/*.parquet',
  eventTime: 'as_of',
  createdTime: 'loaded_at',
});

/** A row for each restaurant and week. */
export const weeks = source.parquet('restaurant_weeks', {
  path: 'data/restaurant_reviews/*.parquet',
  eventTime: 'as_of',
  createdTime: 'loaded_at',
});

export const places = featureView('restaurant_features', {
  entity: restaurant,
  source: mornings,
  owner: 'vouchers',
  description: 'Where a restaurant is, and how it is liked.',
  schedule: '1d',
  delay: '2h',
  ttl: '3d',
  freshness: '26h',
  features: {
    lat: t.float64({ description: 'degrees north' }),
    lon: t.float64({ description: 'degrees east' }),
    rating: t.float64({ description: 'mean of its reviews, 1 to 5', checks: { min: 1, max: 5 } }),
    vouchers_7d: t.int64({ description: 'vouchers taken in the last 7 days' }),
  },
});

export const reviews = featureView('reviews', {
  entity: restaurant,
  source: weeks,
  owner: 'vouchers',
  description: 'What its reviews say, as a language model sees them.',
  schedule: '7d',
  delay: '2h',
  freshness: '8d',
  features: {
    embedding: t.embedding(8, { description: 'of length 1: the nearer two are, the more alike they cook' }),
  },
});

/** How far it is from where the customer stands, which only the request knows. */
export const trip = onDemandView('trip', {
  inputs: {
    lat: t.float64({ description: "the customer's place, degrees north" }),
    lon: t.float64({ description: "the customer's place, degrees east" }),
  },
  uses: [places.pick('lat', 'lon').as('place')],
  owner: 'vouchers',
  features: { distance_km: t.float64({ description: 'as the crow flies; null of an unknown restaurant' }) },
  samples: [
    { lat: 51.5, lon: -0.12, place__lat: 51.51, place__lon: -0.13 },
    { lat: 51.5, lon: -0.12, place__lat: null, place__lon: null },
  ],
  compute: module('./compute/distance.ts'),
});

export const restaurantRankingV1 = featureService(
  'restaurant_ranking_v1',
  [places.pick('rating', 'vouchers_7d'), trip.feature('distance_km').as('distance_km'), reviews],
  {
    description: 'One row for each restaurant that might be shown.',
    owner: 'vouchers',
    consumers: [{ model: 'restaurant-ranking', owner: 'vouchers' }],
  },
);
