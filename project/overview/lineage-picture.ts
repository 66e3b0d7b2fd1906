/**
 * Lineage as a picture: an SVG that stands for itself, sources on the left and models on the right. Classes let a page
 * give it colours of its own, for the dark.
 */
import { linkHorizontal } from 'd3-shape';
import type { LineageGraph, LineageNode, NodeKind } from './lineage-graph.ts';

const BOX = { width: 210, height: 34, gapX: 70, gapY: 12, margin: 24 } as const;
/** Past it a name is cut; its whole text is the box's title. */
const MAX_LETTERS = 25;
/** Size of letters of the second line. */
const SMALL = 9;

const FILL: Readonly<Record<NodeKind, string>> = {
  source: '#dbeafe',
  column: '#eff6ff',
  input: '#eff6ff',
  view: '#dcfce7',
  feature: '#f0fdf4',
  service: '#fef3c7',
  model: '#fde2e2',
};

interface Placed extends LineageNode {
  readonly x: number;
  readonly y: number;
}

/** @param ids  the nodes that are drawn, and the edges between them */
export function lineageSvg(graph: LineageGraph, ids: readonly string[]): string {
  const drawn = new Set(ids);
  const columns = inColumns(graph, drawn);
  const placed = new Map<string, Placed>();
  const rows = Math.max(1, ...columns.map(({ length }) => length));
  columns.forEach((column, i) =>
    column.forEach((id, j) => {
      const x = BOX.margin + i * (BOX.width + BOX.gapX);
      const row = j + (rows - column.length) / 2;
      placed.set(id, { ...graph.node(id), x, y: BOX.margin + row * (BOX.height + BOX.gapY) });
    }),
  );
  const width = 2 * BOX.margin + columns.length * (BOX.width + BOX.gapX) - BOX.gapX;
  const height = 2 * BOX.margin + rows * (BOX.height + BOX.gapY) - BOX.gapY;
  const link = linkHorizontal();
  const drawnEdges = ids.flatMap((from) => graph.below(from).map((to) => [from, to] as const));
  const edges = drawnEdges.flatMap(([from, to]) => {
    const [a, b] = [placed.get(from), placed.get(to)];
    if (a === undefined || b === undefined) return [];
    const middle = BOX.height / 2;
    const path = link({ source: [a.x + BOX.width, a.y + middle], target: [b.x, b.y + middle] });
    return [`<path d="${path}" class="edge" fill="none" stroke="#94a3b8" stroke-width="1.2"/>`];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'role="img" aria-label="lineage" font-family="system-ui, sans-serif">',
    `<rect class="ground" width="${width}" height="${height}" fill="#ffffff"/>`,
    ...edges,
    ...[...placed.values()].map(boxOf),
    '</svg>',
  ].join('\n');
}

/**
 * Each node one column behind the last of those that it comes of, services and models in the last two; in a column
 * beside what it comes of.
 */
function inColumns(graph: LineageGraph, drawn: ReadonlySet<string>): string[][] {
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    const above = graph.above(id).filter((one) => drawn.has(one));
    const depth = above.length === 0 ? 0 : Math.max(...above.map(depthOf)) + 1;
    depths.set(id, depth);
    return depth;
  };
  const most = Math.max(0, ...[...drawn].map(depthOf));
  const models = [...drawn].some((id) => graph.node(id).kind === 'model') ? 1 : 0;
  const columns: string[][] = Array.from({ length: most + 1 }, () => []);
  for (const id of drawn) {
    const { kind } = graph.node(id);
    const column = kind === 'model' ? most : kind === 'service' ? most - models : depthOf(id);
    columns[column]!.push(id);
  }
  const rank = new Map<string, number>();
  for (const column of columns) {
    const mean = (id: string): number => {
      const ranks = graph.above(id).flatMap((one) => rank.get(one) ?? []);
      return ranks.reduce((sum, one) => sum + one, 0) / Math.max(1, ranks.length);
    };
    column.sort((a, b) => mean(a) - mean(b) || (a < b ? -1 : 1));
    column.forEach((id, i) => rank.set(id, (i + 0.5) / column.length));
  }
  return columns;
}

function boxOf({ kind, name, owner, note, x, y }: Placed): string {
  const small = [kind, note, owner].filter((text) => text !== null).join(' · ');
  const text = (at: number, size: number, colour: string, shown: string): string =>
    `<text class="${size === SMALL ? 'small' : 'name'}" x="${x + 10}" y="${y + at}" font-size="${size}" fill="${colour}">${escaped(cut(shown, size))}</text>`;
  return (
    `<g><title>${escaped(`${kind} ${name}${owner === null ? '' : `, of ${owner}`}`)}</title>` +
    `<rect class="box ${kind}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="${FILL[kind]}" stroke="#64748b"/>` +
    `${text(15, 12, '#0f172a', name)}${text(28, SMALL, '#475569', small)}</g>`
  );
}

/** Small letters take less room. */
function cut(text: string, size: number): string {
  const most = Math.floor((MAX_LETTERS * 12) / size);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
