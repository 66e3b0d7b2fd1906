/**
 * Stands in for the model servers of the shop: asks the sidecar over HTTP, as they do, and keeps what each cart was
 * answered, by which its training set is judged later.
 */
import type { Basket } from './prepare.ts';

const BASKET = 'basket_v1';
export const CART = 'cart_v1';
const NEXT_PAGE = 'next_page_v1';
const RANKING = 'restaurant_ranking_v1';

/** A cart that was about to be paid, and what the model of carts was answered about it. */
export interface ServedCart {
  readonly requestId: string;
  readonly basket: Basket;
  /** By full name. */
  readonly features: Features;
}

/** Where a customer stands, in degrees. */
export interface Coordinates {
  readonly lat: number;
  readonly lon: number;
}

/** What a customer was told who asked where to eat. */
export interface Lunch {
  /** The nearest first. */
  readonly restaurants: readonly { readonly id: string; readonly km: number }[];
  /** The same question as tensors: how each output is made, such as `features FP64 [24, 3]`. */
  readonly tensors: readonly string[];
}

type Features = Readonly<Record<string, unknown>>;

interface NativeAnswer {
  readonly results: readonly { readonly entities: Features; readonly features: Features }[];
  readonly metadata: { readonly request_id: string };
}

interface TensorAnswer {
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
  }[];
}

/** One request: a row for each product in the basket, the customer's key broadcast over them. */
export async function askBasket(url: string, { customerId, stockCodes }: Basket): Promise<void> {
  await askNative(url, BASKET, { customer_id: [numberOf(customerId)], stock_code: stockCodes });
}

/** @param basket  of a known customer. A cart's features need what it is worth, which only the request knows. */
export async function askCart(url: string, basket: Basket): Promise<ServedCart> {
  const entities = { customer_id: [numberOf(basket.customerId)] };
  const { results, metadata } = await askNative(url, CART, entities, { basket_value: basket.value });
  return { requestId: metadata.request_id, basket, features: results[0]!.features };
}

/** @returns what a customer's visit is like, as the model of the next page gets it */
export async function askVisit(url: string, customerId: number): Promise<Features> {
  const { results } = await askNative(url, NEXT_PAGE, { customer_id: [customerId] });
  return results[0]!.features;
}

/** Asks for all restaurants from where a customer stands: as JSON, and as the tensors that a model takes. */
export async function askRestaurants(
  url: string,
  ids: readonly string[],
  place: Coordinates,
): Promise<Lunch> {
  const { lat, lon } = place;
  const { results } = await askNative(url, RANKING, { restaurant_id: ids }, { lat, lon });
  const restaurants = results.map(({ entities, features }) => ({
    id: String(entities['restaurant_id']),
    km: features['distance_km'] as number,
  }));
  const inputs = [
    { name: 'restaurant_id', datatype: 'BYTES', shape: [ids.length], data: ids },
    { name: 'lat', datatype: 'FP64', shape: [1], data: [lat] },
    { name: 'lon', datatype: 'FP64', shape: [1], data: [lon] },
  ];
  const { outputs } = await ask<TensorAnswer>(url, `/v2/models/${RANKING}/infer`, { inputs });
  return {
    restaurants: restaurants.toSorted((a, b) => a.km - b.km),
    tensors: outputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`),
  };
}

function askNative(
  url: string,
  service: string,
  entities: Readonly<Record<string, readonly (number | string | null)[]>>,
  context?: Readonly<Record<string, number>>,
): Promise<NativeAnswer> {
  return ask(url, '/feature-service/get-online-features', { feature_service: service, entities, context });
}

/** @throws Error unless the answer is 200, with what was said instead */
async function ask<Answer>(url: string, path: string, body: object): Promise<Answer> {
  const response = await fetch(url + path, {
    method: 'POST',
    // The day passes in seconds: the first request of a new process may take longer than a production deadline.
    headers: { 'content-type': 'application/json', 'x-deadline-ms': '2000' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`the sidecar answered ${response.status} to ${JSON.stringify(body)}: ${text}`);
  return JSON.parse(text) as Answer;
}

/** The shop's customers have numbers of five digits; null: a guest. */
function numberOf(customerId: bigint | null): number | null {
  return customerId === null ? null : Number(customerId);
}
