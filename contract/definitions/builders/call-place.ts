/** Where a builder was called, so that a mistake names file and line of the definition. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Place } from '../draft.ts';

/** The folder of the builders: its frames of a stack belong to no definition file. */
const HERE = new URL('.', import.meta.url).href;

/** The definition file and line from which a builder was called: the first frame outside this folder. */
export function calledAt(): Place {
  const prepare = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, frames) => frames;
  const { stack } = new Error() as unknown as { stack: NodeJS.CallSite[] };
  Error.prepareStackTrace = prepare;
  for (const frame of stack) {
    const url = frame.getFileName() ?? '';
    if (url.startsWith(HERE)) continue;
    const file = url.startsWith('file:') ? fileURLToPath(url.split('?', 1)[0]!) : url;
    return sourcePlace(file, frame.getLineNumber() ?? 1);
  }
  return sourcePlace('(unknown)', 1);
}

/** An option's line is found by its name in the text after the call; without a match it is the line of the call. */
function sourcePlace(file: string, line: number): Place {
  return {
    file,
    lineOf(path) {
      if (path.length === 0) return line;
      let at = line;
      try {
        const lines = readFileSync(file, 'utf8').split('\n');
        for (const name of path) at = lineOfOption(lines, at, name) ?? at;
      } catch {
        // The file is gone: the line of the call still holds.
      }
      return at;
    },
  };
}

function lineOfOption(lines: readonly string[], from: number, name: string): number | null {
  const option = new RegExp(`(^|[\\s{,'"])${name.replace(/\W/g, '\\$&')}['"]?\\s*[:,]`);
  for (let i = from - 1; i < lines.length; i++) {
    if (
      i >= from &&
      /^(export |const |entity\(|featureView\(|onDemandView\(|featureService\()/.test(lines[i]!)
    )
      return null;
    if (option.test(lines[i]!)) return i + 1;
  }
  return null;
}
