/** `plumb lineage [NAME]`: where a thing comes from, what comes of it, and who has to know when it changes. */
import { writeFileSync } from 'node:fs';
import { registryError } from '../../contract/errors.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatType } from '../../contract/value-type.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { LineageGraph } from '../../project/overview/lineage-graph.ts';
import type { LineageNode, NodeKind } from '../../project/overview/lineage-graph.ts';
import { lineageSvg } from '../../project/overview/lineage-picture.ts';
import { bundleInForce } from '../remote/using-registry.ts';

/** Shows the lineage of one thing, or of each source what hangs on it. */
export async function lineage(
  context: CommandContext,
  name: string | undefined,
  { svg }: { readonly svg?: string } = {},
): Promise<ExitCode> {
  const bundle = await bundleInForce(projectOf(context));
  const graph = new LineageGraph(bundle, ({ type }) => formatType(type));
  const node = name === undefined ? null : graph.named(name);
  const ids = node === null ? graph.nodes.map(({ id }) => id) : aroundOf(graph, node);
  if (svg !== undefined) writePicture(svg, lineageSvg(graph, ids));
  const drawn = new Set(ids);
  const edges = graph.edges.filter(({ from, to }) => drawn.has(from) && drawn.has(to));
  const data = { nodes: ids.map((id) => graph.node(id)), edges };
  await printResult(context, data, () => (node === null ? sourcesText(graph) : treesText(graph, node)));
  return 0;
}

function aroundOf(graph: LineageGraph, { id }: LineageNode): string[] {
  const above = graph.reached(id, (one) => graph.above(one));
  const below = graph.reached(id, (one) => graph.below(one));
  return [...new Set([...above, ...below])];
}

function writePicture(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw registryError(
      'REG_STORE',
      `cannot write the picture: ${(error as Error).message}`,
      { file },
      error,
    );
  }
}

/** A line for each source: what breaks if it goes. */
function sourcesText(graph: LineageGraph): string {
  const rows = graph.nodes
    .filter(({ kind }) => kind === 'source')
    .map(({ id, name, note }) => {
      const below = graph.reached(id, (one) => graph.below(one)).map((one) => graph.node(one));
      const count = (kind: NodeKind): string => String(below.filter((one) => one.kind === kind).length);
      const models = below.filter(({ kind }) => kind === 'model').map((one) => one.name);
      return [name, note ?? '', count('view'), count('feature'), count('service'), models.join(', ')];
    });
  const head = ['source', 'lies at', 'views', 'features', 'services', 'models'];
  return renderTable(head, rows, ['left', 'left', 'right', 'right', 'right']);
}

function treesText(graph: LineageGraph, node: LineageNode): string {
  const lines = [lineOf(node)];
  const tree = (title: string, step: (id: string) => readonly string[]): void => {
    if (step(node.id).length === 0) return;
    lines.push('', title);
    const told = new Set<string>();
    const tell = (id: string, depth: number): void => {
      const again = told.has(id) && step(id).length > 0;
      told.add(id);
      lines.push(`${'  '.repeat(depth)}${lineOf(graph.node(id))}${again ? ' (above)' : ''}`);
      if (!again) for (const next of step(id)) tell(next, depth + 1);
    };
    for (const next of step(node.id)) tell(next, 1);
  };
  tree('comes from', (id) => graph.above(id));
  tree('feeds', (id) => graph.below(id));
  return lines.join('\n');
}

function lineOf({ kind, name, owner, note }: LineageNode): string {
  const more = [note, owner === null ? null : `owner ${owner}`].filter((text) => text !== null);
  return `${kind} ${name}${more.length === 0 ? '' : `  (${more.join(', ')})`}`;
}
