/**
 * Repeats something from a random moment of the first interval on: sidecars of a fleet that start together must not ask
 * the store together for ever after (docs/benchmarks/fleet.md).
 *
 * @returns ends it
 */
export function repeatOutOfStep(run: () => void, everyMs: number): () => void {
  let timer = setTimeout(() => {
    timer = setInterval(run, everyMs).unref();
    run();
  }, everyMs * Math.random()).unref();
  return () => clearInterval(timer);
}
