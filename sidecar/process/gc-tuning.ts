/**
 * How V8's garbage collector works in a sidecar: beside a model, on one or two processors, with answers due in less
 * than a millisecond.
 *
 *   marking   in small steps by the thread that answers, not by helper threads: on few processors the kernel lets a
 *             helper run for milliseconds while Redis, the model or the answering thread wait for it. Helpers only do
 *             the end of a collection, a pause of 3 to 14 ms. Marking steps run without delay: the heap grows while
 *             they wait
 *   requests  are always allocated in the young generation. V8 would otherwise decide, once for a place in the code,
 *             that what is allocated there lives long: namely when a store that stands still keeps all requests in
 *             flight alive over a collection. Every later request is then garbage of the old generation: 5.3 us a
 *             cached request in place of 2.7, a third of it collecting
 *   young     at most two halves of 8 MiB, half of V8's own bound. It is no slower for cached rows, a working set or
 *             misses; it saves 16 MiB, and 8 more that the old generation may grow by before it is collected
 *   heap      collected whenever it has grown by 12 %: V8 would let it grow by half and more, and never gives it back
 *
 * Measured with all rows missing, on two processors, at 2,000 and at 6,000 requests a second: the p99 is 11 and 53 ms
 * with helpers, 4 and 19 ms without; 0.3 and 0.7 % of the answers lacked a value with them, none and 0.2 % without. The
 * price is 0.93 of the highest rate, and 7 MiB with 100,000 rows (docs/benchmarks/sidecar.md, "The collector's
 * helpers").
 *
 * Rejected: one helper only (p99 as with all); growing by 20 % (1.06 times the rate, but 188 to 200 MiB with 100,000
 * rows in place of 183 to 195, and the target is 200); a young generation of 4 MiB in all (0.77 of the rate). Called by
 * `plumb serve` before it starts.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { collectGarbage } from '../../contract/std/garbage.ts';

const HEAP_GROWING_PERCENT = 12;
const YOUNG_MAX_BYTES = 2 * 8 * 2 ** 20;

export function tuneCollector(): void {
  // A collection that is under way would lose its helpers halfway: this call ends it first.
  collectGarbage({});
  setFlagsFromString('--no-concurrent-marking');
  setFlagsFromString('--no-incremental-marking-bailout-when-ahead-of-schedule');
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}

/**
 * V8 doubles the young generation as long as much of it survives, and halves it again when little happens. Its bound
 * can only be given when a process starts, but the factor by which it grows can be set at any time. Two collections
 * within one turn of the event loop can pass the bound once; it shrinks again when little happens.
 *
 * @returns  what is to be called after each collection
 */
export function youngGenerationBound(): () => void {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  // A size that the operator gave is left as it is.
  if (/semi[-_]space/.test(given)) return () => {};
  let grows = true;
  return () => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const mayGrow = young === undefined || young.space_size < YOUNG_MAX_BYTES;
    if (mayGrow !== grows) setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
    grows = mayGrow;
  };
}
