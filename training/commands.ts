/** The commands of training sets: `train`, `training show`, `compute`. They need no online store. */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { registryError } from '../contract/errors.ts';
import { refuseOtherEngine } from '../contract/on-demand/engine.ts';
import { countText } from '../contract/std/count-text.ts';
import { renderTable } from '../contract/std/text-table.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import {
  listedManifests,
  listedToJson,
  manifestNamed,
  manifestToJson,
  renderManifest,
  renderManifests,
} from './manifest/shown-manifest.ts';
import type { AgainOptions } from './again.ts';
import type { TrainResult } from './train.ts';
import type { TrainOptions } from './train-options.ts';

/** What a set is asked for with, or the name of one that was made before. */
type TrainFlags = Partial<TrainOptions> & { readonly again?: string };

/** Writes a training set; one line a feature says what the labels got. */
export async function train(context: CommandContext, flags: TrainFlags): Promise<ExitCode> {
  const { again } = flags;
  if (again !== undefined) return await trainOnceMore(context, { ...flags, again });
  const { runTrain } = await import('./train.ts');
  const result = await runTrain(projectOf(context), wholeOf(flags));
  await printResult(context, result, () => renderTraining(result));
  return 0;
}

async function trainOnceMore(context: CommandContext, flags: AgainOptions): Promise<ExitCode> {
  const { trainAgain } = await import('./again.ts');
  const result = await trainAgain(projectOf(context), flags);
  const { name, rows, out } = result;
  await printResult(context, result, () => `${name} again, to the byte: ${countText(rows, 'row')} in ${out}`);
  return 0;
}

/** @throws REG_USAGE when one is missing that every set needs */
function wholeOf({ labels, service, out, ...others }: TrainFlags): TrainOptions {
  if (labels !== undefined && service !== undefined && out !== undefined)
    return { ...others, labels, service, out };
  const missing = Object.entries({ labels, service, out }).flatMap(([name, value]) =>
    value === undefined ? [`--${name}`] : [],
  );
  throw registryError('REG_USAGE', `train needs ${missing.join(' and ')}`, {
    field: missing[0]!.slice(2),
    help: 'Give --labels, --service and --out; or --again NAME for a set that was made before.',
  });
}

interface ComputeFlags {
  readonly view: string;
  /** Only says what the view takes and gives. */
  readonly describe?: boolean;
  readonly otherEngine?: boolean;
}

/** Computes an on-demand view over the rows of an Arrow stream; calls that failed are told on stderr. */
export async function compute(
  context: CommandContext,
  { view: id, describe, otherEngine }: ComputeFlags,
): Promise<ExitCode> {
  const [{ pipedView, pipedViewToJson, renderPipedView }, { runPipe }] = await Promise.all([
    import('./pipe/piped-view.ts'),
    import('./pipe/pipe.ts'),
  ]);
  const bundle = loadCurrentBundle(projectOf(context).settings.bundles);
  const piped = pipedView(bundle, id);
  if (describe === true) {
    await printResult(context, pipedViewToJson(piped), () => renderPipedView(piped));
    return 0;
  }
  refuseOtherEngine([piped.view], otherEngine);
  if (process.stdin.isTTY) {
    throw registryError('REG_USAGE', 'compute reads an Arrow stream on stdin, and a terminal is there', {
      help: 'Pipe one in, such as `pyarrow.ipc.new_stream` writes; compute() of the Python client does it for you.',
    });
  }
  const ends = { input: process.stdin, write: (bytes: Uint8Array) => context.print(bytes) };
  const { notes } = await runPipe(bundle, piped, ends);
  for (const note of notes) context.logger.warn(note);
  return 0;
}

/** Lists the training sets that the registry knows, or shows what the newest of a name was made of. */
export async function showTraining(context: CommandContext, name: string | undefined): Promise<ExitCode> {
  const { settings } = projectOf(context);
  return RegistryDatabase.using<ExitCode>(settings.registry, async (database) => {
    if (name === undefined) {
      const sets = await listedManifests(database);
      await printResult(context, sets.map(listedToJson), () => renderManifests(sets));
    } else {
      const manifest = await manifestNamed(database, name);
      await printResult(context, manifestToJson(manifest), () => renderManifest(manifest));
    }
    return 0;
  });
}

function renderTraining(result: TrainResult): string {
  const isComputed = result.features.some((f) => f.failed !== undefined);
  const counts = result.features.map((f) => [
    f.name,
    ...[f.present, f.nulls, f.missing, f.outsideTtl].map(String),
    ...(f.log === undefined
      ? [f.unjudged, f.notFull, ...(isComputed ? [f.failed ?? 0] : [])]
      : [f.log.unavailable, f.log.noVector, f.unjudged, f.log.lacking, f.log.undecoded]
    ).map(String),
  ]);
  const isLogged = result.features.some((f) => f.log !== undefined);
  const of = isLogged
    ? ['unavailable', 'no vector', 'unjudged', 'lacking', 'undecoded']
    : ['unjudged', 'not full', ...(isComputed ? ['failed'] : [])];
  const head = ['feature', 'present', 'null', 'missing', 'outside TTL', ...of];
  const table = renderTable(head, counts, ['left', ...head.slice(1).map(() => 'right' as const)]);
  return [
    table,
    ...result.notes,
    `${countText(result.rows, 'row')} in ${result.out}, kept in the registry as ${result.name}`,
  ].join('\n\n');
}
