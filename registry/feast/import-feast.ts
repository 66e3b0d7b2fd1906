/**
 * `plumb import-feast REPO`: a Feast repository's entities, views and services as definitions of this project, and a
 * list of what has no counterpart. Writes files that are not there, and changes none that is.
 */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { registryError } from '../../contract/errors.ts';
import { countText } from '../../contract/std/count-text.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { schemeOf } from '../../contract/std/files/local-path.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { quoted } from '../init/new-project.ts';
import { FeastImport } from './feast-definitions.ts';
import { decodeFeastRegistry } from './feast-registry.ts';
import { readFeastRegistry } from './feast-repository.ts';

const FILE = 'definitions/feast.yaml';
const HEAD = '# Made by `plumb import-feast`. What had no counterpart stands below, and is yours to mend.\n';
/** What may be a join key, by what DuckDB calls it. */
const KEY_TYPES: Readonly<Record<string, string>> = { BIGINT: 'int64', INTEGER: 'int32', VARCHAR: 'string' };

/** Writes the definitions and prints what is left to do; the exit code is 3 when nothing could be taken over. */
export async function importFeast(
  context: CommandContext,
  from: string,
  { python }: { readonly python: string },
): Promise<ExitCode> {
  const root = resolve(context.folder);
  const file = join(root, FILE);
  if (existsSync(file))
    throw registryError('REG_FOLDER', `${file} is there already`, {
      help: 'Move it away, or import into another project: `plumb -C FOLDER import-feast ...`.',
    });
  const registry = decodeFeastRegistry(await readFeastRegistry(from, python), from);
  const repository = repositoryOf(resolve(from));
  const duck = await DuckDb.open({ memoryLimit: '128MB' });
  const made = await new FeastImport(
    registry,
    (uri) => pathFrom(root, repository, uri),
    (path, column) => keyTypeOf(duck, resolve(root, path), column),
  )
    .definitions()
    .finally(() => duck.close());
  const { documents, notes } = made;
  const files =
    documents.length === 0
      ? []
      : writeFiles(root, file, { documents, notes, project: projectIn(repository) });
  const counts = countsOf(documents);
  const render = (): string =>
    [
      documents.length === 0 ? 'Nothing could be taken over.' : `${files.join(', ')}: ${counts}`,
      ...(notes.length === 0 ? [] : ['', 'Without a counterpart, or to be looked at:']),
      ...notes.map(({ of, why }) => `  ${of}: ${why}`),
      ...(documents.length === 0
        ? []
        : ['', `Next: plumb ${context.folder === '.' ? '' : `-C ${quoted(context.folder)} `}plan`]),
    ].join('\n');
  await printResult(context, { files, documents, notes }, render);
  return documents.length === 0 ? 3 : 0;
}

/** @returns the folder that paths of a registry are relative to: the nearest one with feature_store.yaml */
function repositoryOf(place: string): string {
  const start = statSync(place).isDirectory() ? place : dirname(place);
  let at = start;
  while (!existsSync(join(at, 'feature_store.yaml')) && at !== dirname(at)) at = dirname(at);
  return existsSync(join(at, 'feature_store.yaml')) ? at : start;
}

/** @returns what Feast calls the project; `imported` where no feature_store.yaml says so */
function projectIn(repository: string): string {
  try {
    const read = parse(readRegularText(join(repository, 'feature_store.yaml'))) as {
      project?: unknown;
    } | null;
    const project = read?.project;
    return typeof project === 'string' && project !== '' ? project : 'imported';
  } catch {
    return 'imported';
  }
}

/** @returns a place of the repository as the project writes it */
function pathFrom(root: string, repository: string, uri: string): string {
  const path = uri.replace(/^file:\/\//, '');
  return schemeOf(path) !== null || isAbsolute(path) ? path : relative(root, join(repository, path));
}

async function keyTypeOf(duck: DuckDb, path: string, column: string): Promise<string | null> {
  try {
    const rows = await duck.rows(`DESCRIBE SELECT * FROM read_parquet(${quotePath(path)})`);
    const found = rows.find((row) => row['column_name'] === column);
    return KEY_TYPES[String(found?.['column_type'])] ?? null;
  } catch {
    // It is not there yet, or lies elsewhere: `plumb plan` says so.
    return null;
  }
}

function writeFiles(
  root: string,
  file: string,
  {
    documents,
    notes,
    project,
  }: Awaited<ReturnType<FeastImport['definitions']>> & { readonly project: string },
): string[] {
  const settings = join(root, 'plumbline.yaml');
  const list = notes.map(({ of, why }) => `#   ${of}: ${why}\n`).join('');
  const text = documents.map((one) => stringify(one, { lineWidth: 120 })).join('---\n');
  const files = [FILE];
  try {
    makeFolder(dirname(file));
    writeFileSync(file, `${HEAD}${list}\n${text}`, { flag: 'wx' });
    if (!existsSync(settings)) {
      const own = stringify({ project });
      writeFileSync(settings, `${own}definitions: ['definitions/*.yaml', 'definitions/*.ts']\n`);
      files.unshift('plumbline.yaml');
    }
    return files;
  } catch (error) {
    throw registryError('REG_STORE', `cannot write ${file}: ${(error as Error).message}`, { file }, error);
  }
}

function countsOf(documents: readonly object[]): string {
  const count = (kind: string): number => documents.filter((one) => Object.keys(one)[0] === kind).length;
  const entities = count('entity');
  return `${entities} ${entities === 1 ? 'entity' : 'entities'}, ${countText(count('featureView'), 'view')}, ${countText(count('featureService'), 'service')}`;
}
