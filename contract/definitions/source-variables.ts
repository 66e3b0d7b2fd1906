/**
 * Variables in definitions, such as `${data}`: allowed where a source lies and nowhere else. The bundle keeps them
 * as written, so that its hash is the same in every environment. Each program that reads sources fills them in from its
 * own settings (`vars` in plumbline.yaml, PLUMB_VARS_DATA).
 */
import { didYouMean } from '../std/did-you-mean.ts';
import { registryError } from '../errors.ts';
import type { Bundle, FeatureView } from '../model.ts';

export type Variables = Readonly<Record<string, string>>;

/** The names of variables; in the environment they are in upper snake case. */
export const VARIABLE_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** All that looks like a variable, also with a name that none can have. */
const WRITTEN = /\$\{([^}]*)\}?/g;

/** @returns the names between `${` and `}`, in order */
export function variablesIn(text: string): string[] {
  if (!text.includes('${')) return [];
  return [...text.matchAll(WRITTEN)].map((match) => match[1]!);
}

/** @returns the text with its variables filled in, or what is wrong with one of them */
export function filledIn(text: string, variables: Variables): string | { readonly fault: string } {
  for (const name of variablesIn(text)) {
    if (!VARIABLE_NAME.test(name) || !text.includes(`\${${name}}`))
      return { fault: `"${text}" should name a variable as \${name}, a letter, then letters, digits and _` };
    if (Object.hasOwn(variables, name)) continue;
    const known = Object.keys(variables);
    const hint =
      didYouMean(name, known) ||
      (known.length === 0 ? '; vars in plumbline.yaml names none' : `; there are ${known.join(', ')}`);
    return { fault: `there is no variable "${name}"${hint}` };
  }
  return text.replaceAll(WRITTEN, (_, name: string) => variables[name]!);
}

/**
 * @returns the bundle with every source where it lies in this environment
 * @throws  REG_VARIABLE naming each view whose source has a variable that this environment lacks
 */
export function locateSources(bundle: Bundle, variables: Variables): Bundle {
  const faults: string[] = [];
  const located = (view: FeatureView, text: string): string => {
    const filled = filledIn(text, variables);
    if (typeof filled === 'string') return filled;
    faults.push(`the source of ${view.id} lies at ${text}: ${filled.fault}`);
    return text;
  };
  const views = [...bundle.views.values()].map((view): FeatureView => {
    const { stream, path } = view.source;
    const source = { ...view.source, path: located(view, path) };
    if (stream === undefined) return { ...view, source };
    const [topic, folder] = [stream.topic, stream.folder].map((of) =>
      of === null ? null : located(view, of),
    );
    return {
      ...view,
      source: { ...source, stream: { ...stream, topic: topic ?? null, folder: folder ?? null } },
    };
  });
  if (faults.length > 0) throw registryError('REG_VARIABLE', faults.join('\n'), { field: 'vars' });
  return { ...bundle, views: new Map(views.map((view) => [view.id, view])) };
}
