/** Makes the function of an on-demand view ready for this thread: its realm, its code, and the way in and out. */
import { SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
import { Script } from 'node:vm';
import type { Context } from 'node:vm';
import type { Definitions, OnDemandView } from '../model.ts';
import { argumentsOf } from './arguments.ts';
import type { OnDemandArgument } from './arguments.ts';
import { callCode, VALUE_MAKER } from './call-code.ts';
import type { JoinInRealm, RealmCall } from './call-code.ts';
import { OnDemandFault } from './on-demand-function.ts';
import type { OnDemandFunction, OnDemandReason } from './on-demand-function.ts';
import { makeRealm } from './realm.ts';

/**
 * @returns the function, in a realm of its own; it has no deadline, whatever `view.isolated` says
 * @throws  TypeError when the code does not run, or when the definitions lack what the view uses
 */
export function compileOnDemand(
  view: OnDemandView,
  definitions: Pick<Definitions, 'views' | 'onDemand'>,
): OnDemandFunction {
  return compileWith(view, argumentsOf(view, definitions));
}

/** As `compileOnDemand`, with the arguments already known. */
export function compileWith(view: OnDemandView, args: readonly OnDemandArgument[]): OnDemandFunction {
  const places = new CodePlaces(view);
  const call = realmCall(view, args, places);
  return {
    view,
    arguments: args,
    call(values, outputs) {
      const fault = call(values, outputs);
      return fault === '' ? null : faultOf(fault, places);
    },
  };
}

function realmCall(view: OnDemandView, args: readonly OnDemandArgument[], places: CodePlaces): RealmCall {
  const { context, framesOf } = makeRealm();
  let compute: unknown;
  try {
    compute = run(context, view.code.script, places.scriptName, places.lineOffset);
  } catch (error) {
    throw new TypeError(places.named(textOfError(error, framesOf)), { cause: error });
  }
  if (typeof compute !== 'function') {
    throw new TypeError(`${view.code.file}: expected a function, its default export, got ${typeof compute}`);
  }
  // A function may know itself by its name, and would keep there what it puts on itself.
  Object.freeze(compute);
  Object.freeze(compute.prototype);
  const join = run(context, callCode(args, view, sourceOf(compute)), `call of ${view.id}`, 0);
  return (join as JoinInRealm)(compute, VALUE_MAKER, framesOf);
}

/** As it was written, whatever the function calls `toString`. */
function sourceOf(compute: unknown): string {
  return Function.prototype.toString.call(compute);
}

function run(realm: Context, expression: string, filename: string, lineOffset: number): unknown {
  return new Script(`'use strict';(${expression}\n)`, { filename, lineOffset }).runInContext(realm);
}

/** As the realm's code tells an error: name and message, then the frames. One of the syntax is none of the realm's. */
function textOfError(error: unknown, framesOf: (error: unknown) => string): string {
  if (typeof error !== 'object' || error === null || !('stack' in error)) return 'it threw what is no error';
  const { name, message, stack } = error as Error;
  return `${name}: ${message}\n${framesOf(error) || stack}`;
}

function faultOf(text: string, places: CodePlaces): OnDemandFault {
  const end = text.indexOf('\n');
  const reason = text.slice(0, end) as OnDemandReason;
  const rest = text.slice(end + 1);
  return new OnDemandFault(reason, reason === 'argument' ? rest.split('\n')[0]! : places.named(rest));
}

/** Where the code was written: finds file and line of a frame of a stack. */
class CodePlaces {
  /** What frames of a stack call the script. */
  readonly scriptName: string;
  readonly lineOffset: number;
  readonly #view: OnDemandView;
  #map: SourceMap | null = null;

  constructor(view: OnDemandView) {
    this.#view = view;
    const { file, line, sourceMap } = view.code;
    this.scriptName = sourceMap === null ? file : `on-demand code of ${view.id}`;
    this.lineOffset = sourceMap === null ? line - 1 : 0;
  }

  /** @param text  a sentence; on the lines after it perhaps a stack, whose first frame in the code is named */
  named(text: string): string {
    const [sentence, ...stack] = text.split('\n') as [string, ...string[]];
    const start = `${this.scriptName}:`;
    for (const frame of stack) {
      const at = frame.lastIndexOf(start);
      const place = at === -1 ? null : /^(\d+)(?::(\d+))?/.exec(frame.slice(at + start.length));
      if (place !== null) return `${this.#original(Number(place[1]), Number(place[2] ?? 1))}: ${sentence}`;
    }
    const { file, line, sourceMap } = this.#view.code;
    return `${sourceMap === null ? `${file}:${line}` : file}: ${sentence}`;
  }

  #original(line: number, column: number): string {
    const { file, sourceMap } = this.#view.code;
    if (sourceMap === null) return `${file}:${line}`;
    this.#map ??= new SourceMap(JSON.parse(sourceMap) as SourceMapPayload);
    const entry = this.#map.findEntry(line - 1, column - 1);
    return 'originalSource' in entry ? `${entry.originalSource}:${entry.originalLine + 1}` : file;
  }
}
