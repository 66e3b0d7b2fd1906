/**
 * How V8's garbage collector works in a sidecar: beside a model, on one or two processors, with answers due in less
 * than a millisecond.
 *
 *   marking   by the thread that answers, in steps of a millisecond at most, and never by helping threads: on few
 *             processors the kernel lets a helper run for milliseconds while Redis, the model or the answering thread
 *             wait for it. It ends early rather than as late as it may, since the heap grows until it does
 *   heap      collected whenever it has grown by 20 %: V8 would let it grow by half and more, and never gives it back
 *
 * All rows missing, on two processors: p99 of 13 to 28 ms with helpers and 3.5 to 9 without at 2,000 requests a second,
 * 62 to 82 and 16 to 32 at 6,000; 0.1 to 1.1 % of the answers lacked a value and 0 to 0.4 %. The price is the highest
 * rate, 0.75 to 0.95 times that with helpers (docs/benchmarks.md).
 *
 * Lost: one helper only (p99 as with all); 15 % or 10 % (no less memory, and a lower rate); a young generation of 4 MiB
 * (20 MiB less for 0.77 times the rate). Called by `plumb serve` before it starts.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const HEAP_GROWING_PERCENT = 20;

export function tuneCollector(): void {
  // A collection that is under way would lose its helpers in the middle: this one ends it.
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
  setFlagsFromString('--no-concurrent-marking');
  setFlagsFromString('--no-incremental-marking-bailout-when-ahead-of-schedule');
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
}
