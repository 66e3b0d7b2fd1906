import { describe, expect, test } from 'vitest';
import { LatencyHistogram } from '../../../loadtest/generator/latency-histogram.ts';
import { checkObjective, parseObjectives } from '../../../loadtest/slo.ts';

function latencies(...ms: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of ms) histogram.record(value * 1e6);
  return histogram;
}

describe('reading', () => {
  test('percentiles with their limits, several at once', () => {
    expect(parseObjectives('p99=10ms, p99.9=0.5s,p50=250us,errors=0.1%')).toEqual([
      { kind: 'latency', text: 'p99=10ms', share: 0.99, limitNs: 10e6 },
      { kind: 'latency', text: 'p99.9=0.5s', share: 0.9990000000000001, limitNs: 5e8 },
      { kind: 'latency', text: 'p50=250us', share: 0.5, limitNs: 250e3 },
      { kind: 'errors', text: 'errors=0.1%', limitShare: 0.001 },
    ]);
  });

  const bad = ['', 'p99', 'p99=10', 'p99<10ms', '99=10ms', 'p101=1ms', 'p99=-1ms', 'errors=101%', 'errors=1'];
  test.each(bad)('%j is told apart with what was expected', (text) => {
    expect(() => parseObjectives(text)).toThrow(
      expect.objectContaining({ code: 'LOAD_USAGE', message: expect.stringContaining('p99=10ms') as string }),
    );
  });
});

describe('judging', () => {
  const p99 = parseObjectives('p99=10ms')[0]!;

  test('holds up to and at the limit', () => {
    expect(checkObjective(p99, latencies(1, 2, 10), 0)).toEqual({
      objective: 'p99=10ms',
      holds: true,
      actual: 10,
      limit: 10,
    });
    expect(checkObjective(p99, latencies(1, 2, 10.2), 0).holds).toBe(false);
  });

  test('a hundred requests with two failures have no p99', () => {
    const fast = latencies(...Array.from({ length: 99 }, () => 1));
    expect(checkObjective(p99, fast, 1).holds).toBe(true);
    expect(checkObjective(p99, latencies(...Array.from({ length: 98 }, () => 1)), 2)).toMatchObject({
      holds: false,
      actual: null,
    });
  });

  test('without any answer nothing holds', () => {
    expect(checkObjective(p99, latencies(), 0).holds).toBe(false);
    expect(checkObjective(parseObjectives('errors=1%')[0]!, latencies(), 0).holds).toBe(false);
  });

  test('errors are a share of all requests', () => {
    const errors = parseObjectives('errors=50%')[0]!;
    expect(checkObjective(errors, latencies(1), 1)).toMatchObject({ holds: true, actual: 0.5 });
    expect(checkObjective(errors, latencies(1), 2).holds).toBe(false);
  });
});
