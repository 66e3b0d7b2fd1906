/**
 * Where settings come from: plumbline.yaml, then the environment, then the command line; later ones win. The place that
 * gave each setting is kept for messages and for `plumb config show`.
 *
 *   plumbline.yaml   serve: { port: 7000 }      `plumbline.yaml:3`
 *   environment      PLUMB_SERVE_PORT=7000      `PLUMB_SERVE_PORT`
 *   command line     --set serve.port=7000      `--set`
 */
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { registryError } from '../../contract/errors.ts';
import { valueAt } from '../../contract/definitions/option-sentence.ts';
import { VARIABLE_NAME } from '../../contract/definitions/source-variables.ts';
import { readDocument } from '../../contract/definitions/yaml/yaml-document.ts';

/** Settings given on the command line, by path: `{'serve.port': '7000'}`. */
export type SettingFlags = Readonly<Record<string, string>>;

export class SettingSources {
  /** All settings together; later sources win. */
  readonly raw: Record<string, unknown>;
  /** By path: of each value, and of each object of the file. */
  readonly #origins: Map<string, string>;
  readonly #lines: Map<string, string>;

  private constructor({ raw, origins, lines }: SettingsFile) {
    this.raw = raw;
    this.#origins = origins;
    this.#lines = lines;
  }

  /**
   * @param paths  every setting that a flag or the environment can give
   * @throws REG_SETTINGS when the file cannot be read, or a variable of the environment names no setting
   */
  static read(
    file: string,
    environment: NodeJS.ProcessEnv,
    flags: SettingFlags,
    paths: readonly string[],
  ): SettingSources {
    const sources = new SettingSources(readYaml(file));
    const variables = Object.keys((sources.raw['vars'] as object | undefined) ?? {});
    for (const { path, name, value } of fromEnvironment(environment, paths, variables))
      sources.#set(path, value, name);
    for (const [path, value] of Object.entries(flags)) sources.#set(path, value, '--set');
    return sources;
  }

  /** @returns the place that gave a setting, or the list or URL that it is part of; otherwise `default` */
  originOf(path: readonly PropertyKey[]): string {
    for (let length = path.length; length > 0; length--) {
      const whole = path.slice(0, length);
      const origin = this.#origins.get(whole.map(String).join('.'));
      if (origin === undefined) continue;
      const isPart = length === path.length || ['url', 'folder'].includes(String(path[length]));
      return isPart || Array.isArray(valueAt(this.raw, whole)) ? origin : 'default';
    }
    return 'default';
  }

  /** @returns the place that gave a name, whatever its value: of settings without a line, the first of them */
  placeOf(path: readonly PropertyKey[]): string {
    const origin = this.originOf(path);
    if (origin !== 'default') return origin;
    const name = path.map(String).join('.');
    const within = [...this.#origins].find(([one]) => one.startsWith(`${name}.`));
    return this.#lines.get(name) ?? within?.[1] ?? origin;
  }

  #set(path: string, value: string, origin: string): void {
    const names = path.split('.');
    let at = this.raw;
    for (const name of names.slice(0, -1)) {
      const inner = Object.hasOwn(at, name) ? at[name] : undefined;
      // A store may be given by its URL alone, bundles by their folder.
      const short = name === 'bundles' ? 'folder' : 'url';
      at[name] = typeof inner === 'string' ? { [short]: inner } : { ...(inner as object | undefined) };
      at = at[name] as Record<string, unknown>;
    }
    at[names.at(-1)!] = value;
    this.#origins.set(path, origin);
  }
}

interface SettingsFile {
  readonly raw: Record<string, unknown>;
  readonly origins: Map<string, string>;
  readonly lines: Map<string, string>;
}

function readYaml(file: string): SettingsFile {
  const refused = (why: string, error?: unknown, line?: number): Error => {
    const details = { file, ...(line === undefined ? {} : { line }) };
    return registryError('REG_SETTINGS', `${file} cannot be read: ${why}`, details, error);
  };
  let text: string;
  try {
    text = readRegularText(file);
  } catch (error) {
    throw refused((error as Error).message, error);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter });
  const read = readDocument(document, lineCounter, text);
  if ('fault' in read) {
    const { line, column, message } = read.fault;
    throw refused(`line ${line}, column ${column}: ${message}`, undefined, line);
  }
  const raw = read.value ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw)) throw refused('it should hold settings, one to a line');
  return { raw: raw as Record<string, unknown>, ...originsIn(document, lineCounter) };
}

function originsIn(document: Document, lineCounter: LineCounter): Omit<SettingsFile, 'raw'> {
  const origins = new Map<string, string>();
  const lines = new Map<string, string>();
  const visit = (node: unknown, path: readonly string[]): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const line = isNode(key) && key.range ? lineCounter.linePos(key.range[0]).line : 1;
      const at = [...path, name];
      lines.set(at.join('.'), `plumbline.yaml:${line}`);
      if (isMap(value)) visit(value, at);
      else origins.set(at.join('.'), `plumbline.yaml:${line}`);
    }
  };
  visit(document.contents, []);
  return { origins, lines };
}

interface Given {
  readonly path: string;
  /** Of the variable. */
  readonly name: string;
  readonly value: string;
}

const PREFIX = 'PLUMB_';
const VARS_PREFIX = 'PLUMB_VARS_';

/** Names of environment variables are settings' paths in upper snake case. */
function fromEnvironment(
  environment: NodeJS.ProcessEnv,
  paths: readonly string[],
  variables: readonly string[],
): Given[] {
  const known = new Map(
    [...paths, ...variables.map((one) => `vars.${one}`)].map((p) => [environmentName(p), p]),
  );
  const given: Given[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || value === undefined) continue;
    const path = known.get(name) ?? variablePath(name, variables);
    if (path !== null) given.push({ path, name, value });
    else if (!isOfOthers(name, value))
      unknown.push(`${name}: there is no such setting${didYouMean(name, known.keys())}`);
  }
  if (unknown.length > 0) {
    throw registryError('REG_SETTINGS', `the environment has ${unknown.join('; ')}`, {
      field: unknown[0]!.split(':', 1)[0]!,
      help: 'Names of variables are settings in upper snake case: PLUMB_SERVE_PORT is serve.port. Unset what is none.',
    });
  }
  // `online` before `online.keyPrefix`, whatever the order in the environment.
  return given.toSorted((a, b) => a.path.length - b.path.length);
}

/** @returns `PLUMB_SERVE_PORT` for `serve.port` */
function environmentName(path: string): string {
  const words = path.replace(/[A-Z]/g, (c) => `_${c}`).replaceAll('.', '_');
  return `${PREFIX}${words.toUpperCase()}`;
}

/** A variable that plumbline.yaml does not name is called by its name in lower case; a near match is a misspelling. */
function variablePath(name: string, variables: readonly string[]): string | null {
  if (!name.startsWith(VARS_PREFIX)) return null;
  const variable = name.slice(VARS_PREFIX.length).toLowerCase();
  return VARIABLE_NAME.test(variable) && didYouMean(variable, variables) === '' ? `vars.${variable}` : null;
}

/** No settings: a token, variables of our tests, those that Kubernetes sets for a Service called plumb-... */
const NO_SETTINGS = new Set(['PLUMB_TOKEN', 'PLUMB_TEST_LONG', 'PLUMB_SEED', 'PLUMB_RUNS']);
const SERVICE_LINK =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

function isOfOthers(name: string, value: string): boolean {
  return NO_SETTINGS.has(name) || SERVICE_LINK.test(name) || /^(tcp|udp|sctp):\/\//.test(value);
}
