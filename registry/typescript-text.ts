/** The JavaScript of a TypeScript file of the project: its types are taken away, and places stay where they are. */
import { stripTypeScriptTypes } from 'node:module';

/** @throws SyntaxError with what to do in place of an `enum`, a `namespace` or a parameter property */
export function withoutTypes(text: string): string {
  try {
    return stripTypeScriptTypes(text);
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    if (fault.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw error;
    // Its stack, which names the line, is a text of its own.
    fault.message =
      `${fault.message.trim().split('\n')[0]!}: types are taken away from a file and nothing is put in their place. ` +
      'Write it as JavaScript has it, e.g. const Size = { small: 0, large: 1 } as const';
    throw error;
  }
}
