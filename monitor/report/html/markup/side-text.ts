/** Both sides of an example as text: served beside replayed. */
import type { Json } from '../../../../contract/std/canonical-json.ts';
import { numberText, shortened, signed, timeText } from '../../../../project/page/value-text.ts';
import type { SideOfExample } from '../../../verdict/snapshot.ts';

const WHOLE = new Intl.NumberFormat('en-US');

/**
 * Both values of an example: with two decimals when that tells them apart, else with every digit. An absent value is
 * named by its state; a fallback is shown after the state that it replaces.
 */
export function sidesText(
  served: SideOfExample,
  replayed: SideOfExample,
  type: string,
  today: string,
): [string, string] {
  const short = [sideText(served, type, today, false), sideText(replayed, type, today, false)] as const;
  if (short[0] !== short[1]) return [...short];
  return [sideText(served, type, today, true), sideText(replayed, type, today, true)];
}

function sideText(side: SideOfExample, type: string, today: string, whole: boolean): string {
  if (side.state === 'value' || side.state === 'zero') return valueText(side.value, type, today, whole);
  if (['null', 'NaN', 'empty'].includes(side.state) || side.value === null) return side.state;
  return `${side.state}, stood in for by ${valueText(side.value, type, today, whole)}`;
}

function valueText(value: Json, type: string, today: string, whole: boolean): string {
  if (type === 'timestamp' && typeof value === 'string') {
    return whole ? shortened(value) : timeText(value, today);
  }
  if (type.startsWith('int') && typeof value === 'string' && /^-?\d+$/.test(value)) {
    return signed(WHOLE.format(BigInt(value)));
  }
  if (typeof value === 'number') {
    if (!whole || Number.isInteger(value)) return numberText(value);
    return signed(String(value));
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return !whole && HMAC.test(text) ? shortened(text, HMAC_CHARACTERS) : shortened(text);
}

/** A secret value of which only the HMAC may be shown; its first digits tell it from others. */
const HMAC = /^hmac:[0-9a-f]{64}$/;
const HMAC_CHARACTERS = 16;
