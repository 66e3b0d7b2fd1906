/**
 * Builds the images of `deploy/image/Dockerfile` without a container engine: each stage is a folder, and its COPY and
 * RUN steps are carried out there with this machine's Node in the place of the base image.
 *
 *   const image = (await buildImages(folder)).get('sidecar')!;
 *   image.root         the folder that stands for /
 *   image.command      ENTRYPOINT and CMD, with paths of the image led to the root
 *
 * What only an engine can show is not shown: the base image, the read-only root, the other user.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const DOCKERFILE = join(ROOT, 'deploy/image/Dockerfile');
const STEP_LIMIT_MS = 600_000;
const NPM_CACHE = '--mount=type=cache,target=/root/.npm ';

export interface BuiltImage {
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: readonly string[];
}

interface Stage {
  readonly root: string;
  workdir: string;
  env: Record<string, string>;
  entrypoint: string[];
  command: string[];
  healthcheck: string[];
}

/**
 * @param folder  where the stages are made
 * @returns       every stage, by name
 */
export async function buildImages(folder: string): Promise<ReadonlyMap<string, BuiltImage>> {
  const stages = new Map<string, Stage>();
  let at: Stage | null = null;
  for (const [instruction, rest] of instructions()) {
    if (instruction === 'FROM') {
      const [, base, name] = /^(\S+) AS (\S+)$/.exec(rest)!;
      at = await newStage(join(folder, name!), stages.get(base!));
      stages.set(name!, at);
    } else if (at !== null) await carryOut(at, instruction, rest, stages);
  }
  return new Map([...stages].map(([name, stage]) => [name, imageOf(stage)]));
}

function imageOf({ root, entrypoint, command, healthcheck }: Stage): BuiltImage {
  const inRoot = (word: string): string => (word.startsWith('/') ? join(root, word) : word);
  return { root, entrypoint: entrypoint.map(inRoot), command, healthcheck };
}

/** @returns the instructions in order: `['RUN', 'npm ci']`, with lines that go on joined */
export function instructions(): [string, string][] {
  const lines = readFileSync(DOCKERFILE, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'));
  const joined = lines.join('\n').replaceAll(/\s*\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, word, rest] = /^([A-Z]+) (.*)$/.exec(line)!;
      return [word!, rest!];
    });
}

async function newStage(root: string, base: Stage | undefined): Promise<Stage> {
  mkdirSync(dirname(root), { recursive: true });
  if (base !== undefined) await run('cp', ['-a', base.root, root]);
  else mkdirSync(root);
  const empty = { workdir: '/', env: {}, entrypoint: [], command: [], healthcheck: [] };
  return { ...empty, ...base, root };
}

async function carryOut(
  stage: Stage,
  instruction: string,
  rest: string,
  stages: ReadonlyMap<string, Stage>,
): Promise<void> {
  const words = rest.split(' ');
  switch (instruction) {
    case 'WORKDIR':
      stage.workdir = rest;
      mkdirSync(join(stage.root, rest), { recursive: true });
      return;
    case 'ENV': {
      const [, name, value] = /^(\w+)=(.*)$/.exec(rest)!;
      stage.env = { ...stage.env, [name!]: value! };
      return;
    }
    case 'COPY':
      copy(stage, words, stages);
      return;
    case 'RUN':
      await runStep(stage, rest);
      return;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(rest) as string[];
      return;
    case 'CMD':
      stage.command = JSON.parse(rest) as string[];
      return;
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('['))) as string[];
  }
}

function copy(stage: Stage, words: readonly string[], stages: ReadonlyMap<string, Stage>): void {
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const [to, ...sources] = words.filter((word) => !word.startsWith('--')).toReversed();
  const target = to!.startsWith('/') ? join(stage.root, to!) : join(stage.root, stage.workdir, to!);
  const source = from === undefined ? ROOT : stages.get(from)!.root;
  const isLeft = from === undefined ? leftOut() : () => false;
  for (const one of sources) {
    const path = join(source, one);
    const isInto = to!.endsWith('/') || (sources.length > 1 && one !== '.') || one === '.';
    const into = one === '.' || !isInto ? target : join(target, basename(one));
    const isFile = from === undefined && /\.\w+$|^LICENSE$/.test(one);
    const exact = isFile && to === './' ? join(target, one) : into;
    cpSync(path, exact, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (name) => !isLeft(relative(source, name)),
    });
  }
}

/** What .dockerignore leaves out: names at the root, and behind two stars anywhere. */
function leftOut(): (path: string) => boolean {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  const patterns = new Set(lines.filter((line) => !/^(#|$)/.test(line)));
  return (path) => patterns.has(path) || patterns.has(`**/${basename(path)}`);
}

/** The step's cache of npm is a folder beside the stages, empty at first, as a builder's is. */
async function runStep(stage: Stage, rest: string): Promise<void> {
  const step = rest.replace(NPM_CACHE, '');
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`;
  const npm = { ...npmOf(process.env), npm_config_cache: join(dirname(stage.root), 'npm-cache') };
  const env = { PATH, HOME: process.env['HOME'] ?? '/', ...npm, ...stage.env };
  const cwd = join(stage.root, stage.workdir);
  try {
    await run('sh', ['-ec', step], { cwd, env, timeout: STEP_LIMIT_MS, maxBuffer: 64 << 20 });
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}${stderr}`.slice(0, 4_000), { cause: error });
  }
}

/** How npm reaches its registry here. */
function npmOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = /^(npm_config_|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS)/i;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => own.test(name)));
}
