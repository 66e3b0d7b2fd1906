/**
 * Where a Feast registry is found: a file that `feast apply` has written, read as it is, or a folder of Python, which
 * only Feast can read: the user's own Python loads it, in a process of its own, and gives the registry's bytes.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { registryError } from '../../contract/errors.ts';
import { readRegularFile } from '../../contract/std/files/regular-file.ts';

/** Reads a repository as `feast apply` does; whatever its files print goes to stderr. */
const SCRIPT = `
import os, sys
out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
repo = sys.argv[1]
os.chdir(repo)
sys.path.insert(0, repo)
from pathlib import Path
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_operations import parse_repo
contents = parse_repo(Path(repo))
registry = Registry()
for name in ("entities", "data_sources", "feature_views", "on_demand_feature_views",
             "stream_feature_views", "feature_services", "label_views"):
    if hasattr(registry, name):
        for one in getattr(contents, name, []):
            getattr(registry, name).append(one.to_proto())
out.write(registry.SerializeToString())
out.close()
`;
const LIMIT_MS = 300_000;
const MOST_BYTES = 256 * 2 ** 20;

/**
 * @param from    a folder with feature_store.yaml and Python files, or a registry file
 * @param python  the program that has Feast
 * @throws        REG_FEAST when it cannot be read, REG_PYTHON when Python or one of its packages lacks
 */
export async function readFeastRegistry(from: string, python: string): Promise<Uint8Array> {
  const place = resolve(from);
  let isFolder: boolean;
  try {
    isFolder = statSync(place).isDirectory();
    if (!isFolder) return readRegularFile(place);
  } catch (error) {
    throw registryError('REG_FEAST', `${place} cannot be read: ${(error as Error).message}`, {}, error);
  }
  return await loadedByFeast(place, python);
}

function loadedByFeast(folder: string, python: string): Promise<Uint8Array> {
  const options = { encoding: 'buffer', maxBuffer: MOST_BYTES, timeout: LIMIT_MS } as const;
  return new Promise((resolved, reject) => {
    execFile(python, ['-W', 'ignore', '-c', SCRIPT, folder], options, (error, stdout, stderr) => {
      if (error === null) return resolved(stdout);
      const { code } = error as NodeJS.ErrnoException;
      const said = stderr.toString('utf8').trim().split('\n').at(-1) ?? '';
      const why =
        code === 'ENOENT'
          ? `there is no ${python}`
          : `${python} could not load ${folder}: ${said || error.message}`;
      // Of Feast, of what Feast needs, or of what the repository's files import.
      if (code === 'ENOENT' || code === 'EACCES' || said.startsWith('ModuleNotFoundError'))
        return reject(registryError('REG_PYTHON', why, {}, error));
      const help =
        'Mend it so that `feast plan` runs there; or give the registry file that `feast apply` wrote.';
      return reject(registryError('REG_FEAST', why, { help }, error));
    });
  });
}
