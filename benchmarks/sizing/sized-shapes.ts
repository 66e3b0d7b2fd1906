/** What docs/sizing.md gives for requests of other sizes: rows in a request, and features (doubles, ten a view). */
export interface SizedShape {
  readonly rows: number;
  readonly features: number;
}

const FEATURES_A_VIEW = 10;

export const SIZED_SHAPES: readonly SizedShape[] = [
  { rows: 1, features: 10 },
  { rows: 1, features: 50 },
  { rows: 1, features: 200 },
  { rows: 10, features: 50 },
  { rows: 50, features: 10 },
  { rows: 50, features: 50 },
];

/** Features of each view. */
export function viewsOf(features: number): number[] {
  return Array.from({ length: features / FEATURES_A_VIEW }, () => FEATURES_A_VIEW);
}
