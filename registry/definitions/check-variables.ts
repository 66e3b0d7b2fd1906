/** Checks variables: they are allowed only where a source lies, and must have a value in this environment. */
import { filledIn, variablesIn } from '../../contract/definitions/source-variables.ts';
import type { Variables } from '../../contract/definitions/source-variables.ts';
import { FeatureDraft, SourceDraft } from '../../contract/definitions/draft.ts';
import type { Draft, Place } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';

/** Options of a stream that say where it lies. */
const PLACES = new Set(['topic', 'folder', 'archive']);

const FORMS: ReadonlySet<string> = new Set(['parquet', 'delta', 'iceberg']);

/** @param drafts  includes the sources that are defined inside a view */
export function checkVariables(drafts: Iterable<Draft>, variables: Variables, mistakes: Mistakes): void {
  for (const draft of drafts) {
    refuse(draft.name, draft.place, [], mistakes);
    const check = (value: unknown, path: readonly string[], isPlace: boolean): void => {
      if (!isPlace || typeof value !== 'string') return refuse(value, draft.place, path, mistakes);
      const filled = filledIn(value, variables);
      if (typeof filled !== 'string')
        mistakes.add(draft.place, path, `source "${draft.name}": ${filled.fault}`);
    };
    for (const [option, value] of Object.entries(draft.options)) {
      if (draft instanceof SourceDraft && option === 'stream' && isPlain(value)) {
        for (const [inner, of] of Object.entries(value)) check(of, [option, inner], PLACES.has(inner));
      } else check(value, [option], draft instanceof SourceDraft && FORMS.has(option));
    }
  }
}

function refuse(value: unknown, place: Place, path: readonly string[], mistakes: Mistakes): void {
  if (typeof value === 'string') {
    const [name] = variablesIn(value);
    if (name === undefined) return;
    const where = 'variables stand only where a source lies, so that definitions mean the same everywhere';
    mistakes.add(place, path, `"${value}" names the variable "${name}": ${where}`);
  } else if (value instanceof FeatureDraft) refuse(value.options, value.place ?? place, path, mistakes);
  else if (Array.isArray(value) || isPlain(value)) {
    for (const [key, item] of Object.entries(value)) refuse(item, place, [...path, key], mistakes);
  }
}

/** Definitions used by others are checked on their own. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
