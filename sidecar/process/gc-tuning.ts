/**
 * How V8's garbage collector works in a sidecar: beside a model, on one or two processors, with answers due in less
 * than a millisecond.
 *
 *   marking   by the thread that answers, in small steps, and not by helping threads: on few processors the kernel lets a
 *             helper run for milliseconds while Redis, the model or the answering thread wait for it. Helpers are left
 *             to its end, a pause of 3 to 14 ms. Steps do not wait until they must, since the heap grows meanwhile
 *   requests  are made young, always. V8 would decide once, for a place in the code, that what is made there lives long: when
 *             a store that stands still keeps all that is under way alive over a collection. Every later request is
 *             then old garbage: 5.3 us a cached request in place of 2.7, a third of it collecting
 *   young     at most two halves of 8 MiB, half of V8's own: no slower for cached rows, a working set or misses, and it is
 *             16 MiB less, and 8 less that the old ones may grow by before they are collected
 *   heap      collected whenever it has grown by 12 %: V8 would let it grow by half and more, and never gives it back
 *
 * All rows missing, on two processors, at 2,000 and at 6,000 requests a second: p99 of 11 and 53 ms with helpers, of 4 and
 * 19 ms without; 0.3 and 0.7 % of the answers lacked a value, and none and 0.2 %. The price is 0.93 of the highest rate
 * and 7 MiB with 100,000 rows (docs/benchmarks/sidecar.md, "The collector's helpers").
 *
 * Lost: one helper only (p99 as with all); growing by 20 % (1.06 times the rate, but 188 to 200 MiB with 100,000 rows in
 * place of 183 to 195, and the bar is 200); a young generation of 4 MiB in all (0.77 of the rate). Called by `plumb
 * serve` before it starts.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const HEAP_GROWING_PERCENT = 12;
const YOUNG_MAX_BYTES = 2 * 8 * 2 ** 20;

export function tuneCollector(): void {
  // A collection that is under way would lose its helpers in the middle: this one ends it.
  collect({});
  setFlagsFromString('--no-concurrent-marking');
  setFlagsFromString('--no-incremental-marking-bailout-when-ahead-of-schedule');
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}

/**
 * V8 doubles the young generation as long as much of it lives on, and halves it again when little happens. Its bound can be
 * given at the start of a process only; by what it is multiplied, at any time. Two collections within one turn of the
 * event loop can pass the bound once; it shrinks again when little happens.
 *
 * @returns  to be called behind each collection
 */
export function youngGenerationBound(): () => void {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ');
  // Who gives a size of it means it.
  if (/semi[-_]space/.test(given)) return () => {};
  let grows = true;
  return () => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const mayGrow = young === undefined || young.space_size < YOUNG_MAX_BYTES;
    if (mayGrow !== grows) setFlagsFromString(`--semi-space-growth-factor=${mayGrow ? 2 : 1}`);
    grows = mayGrow;
  };
}

/**
 * Gives back what the start of the calling thread has left over: 2 of the 9 MiB that an empty one takes. For threads
 * that do little from then on, and before the warm-up, which makes anew what is needed; 15 ms.
 */
export function trimHeap(): void {
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** @param how  as V8's own `gc` takes it; nothing: all generations, now */
function collect(how: Readonly<Record<string, string>>): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (how?: object) => void;
  setFlagsFromString('--no-expose-gc');
  gc(how);
}
