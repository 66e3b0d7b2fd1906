/** The distributions of both sides as the snapshot holds them. */
export type Distributions =
  | {
      readonly kind: 'numeric';
      readonly ks: {
        readonly d: number;
        readonly location: number;
        readonly sign: number;
        readonly level: 'ok' | 'warn' | 'alarm';
      };
      /** Bin edges, n + 1 of them, and the counts of both sides, n each. */
      readonly histogram: {
        readonly edges: readonly number[];
        readonly served: readonly number[];
        readonly replayed: readonly number[];
      };
      /** Step points of both empirical distribution functions on shared x, at most 200. */
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
      /** Largest difference of two shares. */
      readonly lInfinity: number;
      /** The most frequent values of both sides, then the rest as one. */
      readonly values: readonly {
        readonly value: string;
        readonly served: number;
        readonly replayed: number;
      }[];
      readonly servedRows: number;
      readonly replayedRows: number;
    };
