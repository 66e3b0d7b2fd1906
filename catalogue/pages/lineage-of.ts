/** What a thing comes of and what comes of it, as a picture that stays small enough to be read. */
import type { LineageNode } from '../../project/overview/lineage-graph.ts';
import { lineageSvg } from '../../project/overview/lineage-picture.ts';
import type { InForce } from '../known/catalogue.ts';

export interface Lineage {
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  /** Nodes that are not among them, so that the picture can be read. */
  readonly left: number;
  /** SVG. */
  readonly picture: string;
}

const MOST_NODES = 60;

/** @param id  of a node of the graph; @returns null: it stands alone, or is not there */
export function lineageOf({ graph }: Pick<InForce, 'graph'>, id: string): Lineage | null {
  if (!graph.has(id)) return null;
  const above = graph.reached(id, (one) => graph.above(one));
  const below = graph.reached(id, (one) => graph.below(one));
  const all = [...new Set([...above, ...below])];
  if (all.length < 2) return null;
  const ids = all.slice(0, MOST_NODES);
  const drawn = new Set(ids);
  const edges = ids.flatMap((from) =>
    graph
      .below(from)
      .filter((to) => drawn.has(to))
      .map((to) => ({ from, to })),
  );
  return {
    nodes: ids.map((one) => graph.node(one)),
    edges,
    left: all.length - ids.length,
    picture: lineageSvg(graph, ids),
  };
}
