/**
 * `plumb completion bash|zsh|fish`: a script that completes commands, options and the values of those with choices.
 * Made from the table of commands (command-line.ts), so that it knows exactly what that knows. What is no choice (a
 * file, a name) is left to the shell.
 */
import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** One place of the command line: behind `plumb`, behind `plumb log`. */
interface Place {
  /** The names of the commands up to it, joined: `log cat`; empty: `plumb` itself. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly Word[];
  /** Of each option that takes a value its choices; empty: any. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

interface Word {
  readonly name: string;
  readonly means: string;
}

/** @returns the script, to be read by the shell: `source <(plumb completion bash)` */
export function completionScript(shell: Shell, program: Command): string {
  const places = placesOf(program, []);
  if (shell === 'bash') return bashScript(places);
  return shell === 'zsh' ? zshScript(places) : fishScript(places);
}

function placesOf(command: Command, above: readonly Option[]): Place[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  const options = [...own, ...above];
  const path = pathOf(command);
  const choices = command.registeredArguments[0]?.argChoices ?? [];
  const words = [
    ...command.commands.map((one) => ({ name: one.name(), means: one.description() })),
    ...choices.map((name) => ({ name, means: '' })),
  ];
  const flags = options.flatMap((option) => {
    const names = [option.short, option.long].filter((name) => name !== undefined);
    return names.map((name) => ({ name, means: option.description }));
  });
  const values = options
    .filter((option) => option.required || option.optional)
    .flatMap((option) =>
      [option.short, option.long].flatMap((name) =>
        name === undefined ? [] : [[name, option.argChoices ?? []] as const],
      ),
    );
  const help = { name: '--help', means: 'what it takes' };
  const place = { path, words, options: [...flags, help], values: new Map(values) };
  return [place, ...command.commands.flatMap((one) => placesOf(one, options))];
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${pathOf(parent)} ${command.name()}`.trim();
}

const names = (words: readonly Word[]): string => words.map(({ name }) => name).join(' ');
/** As one word of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Bash and zsh find the place by walking the words: what takes a value swallows the next. */
function walk(places: readonly Place[]): string {
  const takers = [...new Set(places.flatMap(({ values }) => [...values.keys()]))];
  const paths = places.map(({ path }) => quoted(path)).filter((path) => path !== "''");
  return `    case "$word" in
      ${takers.join('|')}) skip=1 ;;
      -*) ;;
      *)
        case "\${place:+$place }$word" in
          ${paths.join('|')}) place="\${place:+$place }$word" ;;
        esac
        ;;
    esac`;
}

function bashScript(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, words, options, values }) => `    ${quoted(path)})
      words=${quoted(names(words))}
      options=${quoted(names(options))}
      case "$before" in
${[...values].map(([flag, of]) => `        ${flag}) values=${quoted(of.join(' '))} takes=1 ;;`).join('\n')}
      esac
      ;;`,
  );
  return `# Completion of plumb for bash: source <(plumb completion bash)
_plumb() {
  local now="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local place='' words='' options='' values='' takes='' skip='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [[ -n $skip ]]; then skip=''; continue; fi
${walk(places)}
  done
  case "$place" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ -n $takes && -z $values ]]; then return; fi
  if [[ -n $takes ]]; then words=$values
  elif [[ $now == -* ]]; then words=$options
  fi
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -o default -F _plumb plumb`;
}

function zshScript(places: readonly Place[]): string {
  const described = (words: readonly Word[]): string =>
    words.map(({ name, means }) => quoted(`${name.replaceAll(':', '\\:')}:${means}`)).join(' ');
  const cases = places.map(
    ({ path, words, options, values }) => `    ${quoted(path)})
      found=(${described(words)})
      options=(${described(options)})
      case "$before" in
${[...values].map(([flag, of]) => `        ${flag}) values=(${of.join(' ')}) takes=1 ;;`).join('\n')}
      esac
      ;;`,
  );
  return `#compdef plumb
# Completion of plumb for zsh: source <(plumb completion zsh)
_plumb() {
  local now="$words[CURRENT]" before="$words[CURRENT-1]"
  local place='' takes='' skip='' word i
  local -a found options values
  for ((i = 2; i < CURRENT; i++)); do
    word="$words[i]"
    if [[ -n $skip ]]; then skip=''; continue; fi
${walk(places)}
  done
  case "$place" in
${cases.join('\n')}
  esac
  if [[ -n $takes && $#values -gt 0 ]]; then compadd -a values
  elif [[ -n $takes ]]; then _files
  elif [[ $now == -* ]]; then _describe option options
  elif [[ $#found -gt 0 ]]; then _describe command found
  else _files
  fi
}
compdef _plumb plumb`;
}

/** Fish keeps a list of conditions: each word and option is told where it may stand. */
function fishScript(places: readonly Place[]): string {
  const fish = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const takers = [...new Set(places.flatMap(({ values }) => [...values.keys()]))];
  const lines = places.flatMap(({ path, words, options, values }) => {
    const here = `complete -c plumb -n ${fish(`test (__plumb_place) = "${path}"`)}`;
    const one = words.map(({ name, means }) => `${here} -f -a ${fish(name)} -d ${fish(means)}`);
    const more = options.map(({ name, means }) => {
      const flag = name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
      const of = values.get(name);
      const takes = of === undefined ? '' : of.length === 0 ? ' -r' : ` -x -a ${fish(of.join(' '))}`;
      return `${here} ${flag}${takes} -d ${fish(means)}`;
    });
    return [...one, ...more];
  });
  const paths = places.map(({ path }) => path).filter((path) => path !== '');
  return `# Completion of plumb for fish: plumb completion fish | source
function __plumb_place
  set -l place ''
  set -l skip ''
  for word in (commandline -opc)[2..]
    if test -n "$skip"
      set skip ''
      continue
    end
    switch $word
      case ${takers.join(' ')}
        set skip 1
      case '-*'
      case '*'
        set -l next (string trim "$place $word")
        if contains -- $next ${paths.map(fish).join(' ')}
          set place $next
        end
    end
  end
  echo "$place"
end
${lines.join('\n')}`;
}
