/** The distributions of both sides, in the form that the snapshot holds. */
export type Distributions =
  | {
      readonly kind: 'numeric';
      readonly ks: {
        readonly d: number;
        readonly location: number;
        readonly sign: number;
        readonly level: 'ok' | 'warn' | 'alarm';
      };
      /** n + 1 bin edges, and n counts for each side. */
      readonly histogram: {
        readonly edges: readonly number[];
        readonly served: readonly number[];
        readonly replayed: readonly number[];
      };
      /** Step points of both empirical distribution functions at the same x values, at most 200. */
      readonly ecdf: {
        readonly x: readonly number[];
        readonly served: readonly number[];
        readonly replayed: readonly number[];
      };
      readonly servedRows: number;
      readonly replayedRows: number;
    }
  | {
      readonly kind: 'categorical';
      /** The largest difference between the two shares of a value. */
      readonly lInfinity: number;
      /** The most frequent values of both sides, then all others as one entry. */
      readonly values: readonly {
        readonly value: string;
        readonly served: number;
        readonly replayed: number;
      }[];
      readonly servedRows: number;
      readonly replayedRows: number;
    };
