/**
 * How a basket compares with what its customer usually spends. The same code runs in the sidecar, in `plumb train` and
 * when the monitor judges a day, so that it may use the language alone: no clock, no network, no state.
 */
interface Arguments {
  readonly cart_value: number;
  readonly coupon: string | null;
  readonly average_14d: number | null;
}

export default function basket({ cart_value, coupon, average_14d }: Arguments): {
  cart_to_average: number | null;
  has_coupon: boolean;
} {
  return {
    cart_to_average: average_14d === null || average_14d === 0 ? null : cart_value / average_14d,
    has_coupon: coupon !== null,
  };
}
