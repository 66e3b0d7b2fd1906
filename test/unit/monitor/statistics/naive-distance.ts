/** D by its definition, value by value. */
export function naiveDistance(
  a: readonly number[],
  b: readonly number[],
): { readonly d: number; readonly location: number; readonly sign: number; readonly wasserstein: number } {
  const share = (side: readonly number[], x: number): number =>
    side.filter((v) => v <= x).length / side.length;
  const pooled = [...new Set([...a, ...b].map((v) => v + 0))].toSorted((x, y) => x - y);
  const gaps = pooled.map((x) => share(a, x) - share(b, x));
  let best = 0;
  for (const [i, gap] of gaps.entries()) if (Math.abs(gap) > Math.abs(gaps[best]!) + 1e-12) best = i;
  const wasserstein = gaps
    .slice(0, -1)
    .reduce((area, gap, i) => area + Math.abs(gap) * (pooled[i + 1]! - pooled[i]!), 0);
  return { d: Math.abs(gaps[best]!), location: pooled[best]!, sign: Math.sign(gaps[best]!), wasserstein };
}
