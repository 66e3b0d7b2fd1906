/** How a float32 is written: 0.388, and not the 0.3880000114440918 that it is as a double. */

const MIN_NORMAL_FLOAT32 = 2 ** -126;
const FLOAT32_DIGITS = 9;
const SURE_DIGITS = 6;

/**
 * The double with the shortest text that a float32 reader turns back into `value`, which must be a float32 already.
 * Six digits always survive float32 (FLT_DIG), so a normal number's text has six digits or the least that suffice.
 */
export function shortestFloat32(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const magnitude = Math.abs(value);
  for (let digits = magnitude < MIN_NORMAL_FLOAT32 ? 1 : SURE_DIGITS; digits < FLOAT32_DIGITS; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return text;
    const above = Number(nextDecimal(magnitude, digits)) * Math.sign(value);
    // At a power of two the gap above is twice the gap below: the nearest text may miss where the next one hits.
    if (Math.fround(above) === value) return above;
  }
  return Number(value.toPrecision(FLOAT32_DIGITS));
}

/** @returns the decimal of that many digits that follows the one nearest to `magnitude` */
function nextDecimal(magnitude: number, digits: number): string {
  const [mantissa, exponent] = magnitude.toExponential(digits - 1).split('e') as [string, string];
  const whole = BigInt(mantissa.replace('.', '')) + 1n;
  return `${whole}e${Number(exponent) - (digits - 1)}`;
}
