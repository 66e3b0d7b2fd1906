/** Which settings are tried of a view. */
import { describe, expect, test } from 'vitest';
import { askedTimes, settingsFor } from '../../../../monitor/whatif/asked-settings.ts';
import { settingName } from '../../../../monitor/whatif/sentences.ts';
import { isInForce } from '../../../../monitor/whatif/setting.ts';
import type { SettingsNow } from '../../../../monitor/whatif/setting.ts';

const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const NOW: SettingsNow = { cacheUs: 5_000_000, intervalUs: HOUR, delayUs: 5 * MINUTE, ttlUs: 6 * HOUR };
const STORED = { kind: 'stored', hopUs: 0 } as const;
const HOURLY = { kind: 'aggregated', hopUs: HOUR } as const;

function namesOf(settings: ReturnType<typeof settingsFor>): string[] {
  return settings.map((setting) => settingName({ ...setting, isNow: isInForce(setting, NOW) }, NOW));
}

describe('the usual settings', () => {
  test('are those not in force, and the cache time and the interval that are', () => {
    expect(namesOf(settingsFor(STORED, NOW, null, 7 * MINUTE))).toEqual([
      'cache time 0s instead of 5s',
      'cache time 1s instead of 5s',
      'cache time 5s, as now',
      'cache time 30s instead of 5s',
      'cache time 1m instead of 5s',
      'every 5m instead of every 1h',
      'every 15m instead of every 1h',
      'every 1h, as now, none late',
      'every 6h instead of every 1h',
      'every 1d instead of every 1h',
      'delay 0s instead of 5m',
      'delay 7m instead of 5m',
      'TTL 3h instead of 6h',
      'TTL 12h instead of 6h',
    ]);
  });

  test('have no interval below the hop, no proposal that is in force, and a TTL of stored views alone', () => {
    const kinds = settingsFor(HOURLY, NOW, null, NOW.delayUs).map(({ kind, us }) => `${kind} ${us / MINUTE}`);
    expect(kinds.slice(5)).toEqual(['interval 60', 'interval 360', 'interval 1440', 'delay 0']);
  });
});

test('what is asked for has a line, also where it is in force', () => {
  const asked = askedTimes({ delay: '5m,0s', ttl: '6h' });
  expect(namesOf(settingsFor(STORED, NOW, asked, null))).toEqual([
    'delay 0s instead of 5m',
    'delay 5m, as now',
    'TTL 6h, as now',
  ]);
});
