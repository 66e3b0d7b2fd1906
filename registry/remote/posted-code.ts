/**
 * What is posted as the code of on-demand views is judged here by the script that would run, which is parsed and never
 * run: whatever a changed plumb says of it, it is not believed that a function is pure and cheap.
 *
 *   hash      of a function that stands in a definition: computed anew. Of a module it is over its sources, which are
 *             not posted: it says no more than that code is that of before, and then the text of before is kept
 *   costly    computed anew; what is not known to be cheap, or cannot be told, runs isolated
 */
import { SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
import { registryError } from '../../contract/errors.ts';
import type { Bundle, Definitions, OnDemandView } from '../../contract/model.ts';
import { argumentsOf } from '../../contract/on-demand/arguments.ts';
import { keptCode } from '../apply.ts';
import { changingPartOf } from '../code/changing-part.ts';
import { strayBasesIn } from '../code/class-bases.ts';
import { costlyPartOf } from '../code/cost/sized-run.ts';
import { readScript } from '../code/module-script.ts';
import { faultsOfPurity } from '../code/purity.ts';
import { originOf } from '../code/read-code.ts';
import { hashOfTrees } from '../code/syntax-hash.ts';
import { lineAt, visitAll } from '../code/syntax-tree.ts';
import type { SyntaxNode } from '../code/syntax-tree.ts';

/** Parsed it takes a hundred times as much. */
const MOST_SCRIPT = 2 << 20;
const OTHER_VERSION = 'Another version of plumb may have sent it: take that of the server.';
const UNKNOWN = 'cannot be told from its script to be cheap, as a function of packages';

/** Who lets a costly function run in the thread that answers: a plan does nothing yet, and an admin may. */
type By = 'plan' | 'apply' | 'admin';

/**
 * @param applied  what is in force
 * @returns        the definitions with what was judged here
 * @throws         REG_USAGE that names the view and the field which does not fit
 */
export function judgedCode(given: Definitions, applied: Bundle | null, by: By): Definitions {
  const onDemand = [...given.onDemand].map(([id, view]) => {
    try {
      return [id, judged(view, given, { applied, by })] as const;
    } catch (error) {
      // Code within code within code.
      if (!(error instanceof RangeError)) throw error;
      throw misfit(view, 'code.script', 'is too deep to be judged', error);
    }
  });
  return { ...given, onDemand: new Map(onDemand) };
}

function judged(
  view: OnDemandView,
  given: Definitions,
  { applied, by }: { readonly applied: Bundle | null; readonly by: By },
): OnDemandView {
  const sent = codeOf(view);
  const { code } = keptCode(view, applied);
  // What has the hash of what is in force is dropped: that runs on.
  const runs = code.script === view.code.script ? sent : codeOf({ ...view, code });
  const part = costlyPartOf(runs.tree, argumentsOf(view, given), view.int64);
  if (part === null && !runs.isUnknown) return { ...view, costly: null };
  if (part === null) return { ...view, costly: UNKNOWN, isolated: true };
  if (view.costly === null) throw misfit(view, 'costly', `is null, and the function ${part.what}`);
  const before = applied?.onDemand.get(view.id);
  const isAsBefore = before?.code.hash === code.hash && !before.isolated;
  if (!view.isolated && by === 'apply' && !isAsBefore)
    throw misfit(
      view,
      'isolated',
      `is false, and the function ${part.what}: over HTTP \`isolate: false\` is an admin's to apply`,
    );
  return { ...view, costly: `${part.what}${runs.placeOf(part.start)}` };
}

interface JudgedScript {
  readonly tree: SyntaxNode;
  /** Where it comes from cannot be told, and it has what no code of a project may have. */
  readonly isUnknown: boolean;
  /** @returns ` (file:line)`, or '' */
  placeOf(start: number): string;
}

/** @throws REG_USAGE where the script is none that a plan makes of such code */
function codeOf(view: OnDemandView): JudgedScript {
  const { code } = view;
  if (code.script.length > MOST_SCRIPT)
    throw misfit(view, 'code.script', `has more than ${MOST_SCRIPT} characters`);
  const read = readScript(code.script);
  const kind = code.sourceMap === null ? 'inline' : 'module';
  if (read === null || read.kind !== kind)
    throw misfit(
      view,
      'code.script',
      'is not what a plan makes of a function, or of a module with its source map',
    );
  if (read.isAnew !== (code.anew !== null))
    throw misfit(view, 'code.anew', 'does not say whether the script runs anew for each call');
  const { tree, text } = read;
  const [stray] = strayBasesIn(tree);
  if (stray !== undefined) throw misfit(view, 'code.script', stray.message);
  if (kind === 'inline') {
    checkInline(view, tree);
    const placeOf = (start: number): string => ` (${code.file}:${code.line + lineAt(text, start) - 1})`;
    return { tree, isUnknown: false, placeOf };
  }
  const changing = read.isAnew ? null : changingPartOf(tree);
  if (changing !== null)
    throw misfit(view, 'code.script', `runs once, although ${changing.what} from one call to the next`);
  const map = { text, sourceMap: checkedMap(view) };
  const isUnknown = checkModule(view, tree, map);
  const placeOf = (start: number): string => {
    const origin = originOf(map, start);
    return origin === null ? '' : ` (${origin.file}:${origin.line})`;
  };
  return { tree, isUnknown, placeOf };
}

function checkInline(view: OnDemandView, tree: SyntaxNode): void {
  if (hashOfTrees([tree]) !== view.code.hash) throw misfit(view, 'code.hash', 'is not that of its script');
  if (tree['generator'] === true)
    throw misfit(view, 'code.script', 'is a generator, and answers with no features');
  const [fault] = faultsOfPurity(tree, 'inline');
  if (fault !== undefined) throw misfit(view, 'code.script', fault.message);
}

/**
 * Packages may have what no code of the project may have; whether a module that keeps something runs anew was judged
 * before.
 *
 * @returns whether it has something of packages that a project's own code may not have
 */
function checkModule(
  view: OnDemandView,
  tree: SyntaxNode,
  map: { readonly text: string; readonly sourceMap: string },
): boolean {
  visitAll(tree, (node) => {
    if (node['async'] === true || node['await'] === true || /^(Await|Import)Expression$/.test(node.type))
      throw misfit(view, 'code.script', 'waits for something, and answers at once');
  });
  const faults = faultsOfPurity(tree, 'module').filter(({ keeps }) => keeps !== true);
  for (const { start, message } of faults) {
    const file = originOf(map, start)?.file ?? 'node_modules/';
    if (!/(^|\/)node_modules\//.test(file)) throw misfit(view, 'code.script', message);
  }
  return faults.length > 0;
}

/** Programs that run the script read it when something is thrown. */
function checkedMap(view: OnDemandView): string {
  const { sourceMap } = view.code;
  try {
    const map = new SourceMap(JSON.parse(sourceMap!) as SourceMapPayload);
    map.findEntry(0, 0);
    return sourceMap!;
  } catch (error) {
    throw misfit(view, 'code.sourceMap', `is none: ${(error as Error).message}`, error);
  }
}

function misfit({ id }: OnDemandView, field: string, what: string, cause?: unknown): Error {
  const message = `what was posted does not fit: of the on-demand view ${id}, ${field} ${what}`;
  return registryError(
    'REG_USAGE',
    message,
    { field: `onDemand.${id}.${field}`, help: OTHER_VERSION },
    cause,
  );
}
