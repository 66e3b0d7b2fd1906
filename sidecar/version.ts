/** The version of this package, from the package.json above the program, whether run from source or from dist/. */
import { readFileSync } from 'node:fs';

export const VERSION: string = packageVersion();

function packageVersion(): string {
  for (const above of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(above, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (name === 'plumbline' && version !== undefined) return version;
    } catch {
      // Not there: one folder further up.
    }
  }
  return 'unknown';
}
