/**
 * What `deploy/compose/compose.yaml` says, as an engine reads it: anchors merged, variables filled in, paths absolute.
 *
 *   const file = readCompose('deploy/compose/compose.yaml', { PROJECT: '/some/project' });
 *   startOrder(file)     the services' names, each behind those that it waits for
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

export interface ComposeService {
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly read_only?: boolean;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface Mount {
  /** A folder or a file; a name is that of a volume. */
  readonly from: string;
  readonly isVolume: boolean;
  readonly to: string;
  readonly isReadOnly: boolean;
}

/** @returns the file's content; relative sources of mounts are absolute */
export function readCompose(path: string, variables: Readonly<Record<string, string>>): ComposeFile {
  const filled = readFileSync(path, 'utf8').replaceAll(
    /\$(?:\$|\{(\w+):-([^}]*)\})/g,
    (whole, name?: string, otherwise?: string) =>
      whole === '$$' ? '$' : (variables[name!] ?? otherwise ?? ''),
  );
  const { services } = parse(filled, { merge: true }) as ComposeFile;
  const folder = dirname(path);
  const placed = (volume: string): string => volume.replace(/^\.[^:]*/, (from) => resolve(folder, from));
  const entries = Object.entries(services).map(([name, one]) => {
    const volumes = one.volumes?.map(placed);
    return [name, volumes === undefined ? one : { ...one, volumes }] as const;
  });
  return { services: Object.fromEntries(entries) };
}

export function mountOf(volume: string): Mount {
  const [from, to, how] = volume.split(':');
  return { from: from!, isVolume: !from!.startsWith('/'), to: to!, isReadOnly: how === 'ro' };
}

/** @throws Error where services wait for each other, or for one that is not there */
export function startOrder({ services }: ComposeFile): string[] {
  const order: string[] = [];
  const add = (name: string, above: readonly string[]): void => {
    if (order.includes(name)) return;
    if (above.includes(name)) throw new Error(`services wait for each other: ${[...above, name].join(', ')}`);
    const service = services[name];
    if (service === undefined) throw new Error(`${above.at(-1)} waits for ${name}, which is no service`);
    for (const other of Object.keys(service.depends_on ?? {})) add(other, [...above, name]);
    order.push(name);
  };
  for (const name of Object.keys(services)) add(name, []);
  return order;
}
