import { expect, test } from 'vitest';
import { LatencyHistogram } from '../../../../loadtest/generator/latency-histogram.ts';
import { formatNs, latencyPicture } from '../../../../loadtest/report/latency-picture.ts';

test('one line a step, gaps kept, shares add up to 100 %', () => {
  const latencies = new LatencyHistogram();
  for (let i = 0; i < 99; i++) latencies.record(400e3);
  latencies.record(4e6);
  expect(latencyPicture(latencies)).toEqual([
    `  ≤   500 us  99.000 %  99  ${'█'.repeat(40)}`,
    '  ≤     1 ms  99.000 %   0',
    '  ≤     2 ms  99.000 %   0',
    '  ≤     5 ms 100.000 %   1  ▍',
  ]);
  expect(latencyPicture(new LatencyHistogram())).toEqual([]);
});

test('times in the unit that fits', () => {
  expect([950, 84_720, 1.25e6, 144e6, 2e9, Infinity].map(formatNs)).toEqual([
    '0.95 us',
    '84.7 us',
    '1.25 ms',
    '144 ms',
    '2 s',
    '-',
  ]);
});
