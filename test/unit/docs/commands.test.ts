import type { Argument, Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { commandLine } from '../../../command-line.ts';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

const program = commandLine(async () => {});

/** Commands that do something, in the order of the help. */
function leaves(command: Command): Command[] {
  const isGroup = command.commands.length > 0 && (command.parent === null || command.options.length === 0);
  return [...(isGroup ? [] : [command]), ...command.commands.flatMap(leaves)];
}

/** `plumb log cat` */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function usageOf(command: Command): string {
  const args = command.registeredArguments.map((one: Argument) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const needed = command.options.filter((option) => option.mandatory).map((option) => option.flags);
  const more = command.options.length > needed.length ? ['[options]'] : [];
  return [pathOf(command), ...args, ...needed, ...more].join(' ');
}

function optionRow(option: Option): string[] {
  const { flags, description, argChoices, defaultValue, conflictsWith } = option as Option & {
    conflictsWith: readonly string[];
  };
  const choices = argChoices === undefined ? '' : `: ${argChoices.join(', ')}`;
  const apart = conflictsWith.length === 0 ? '' : `; not with ${conflictsWith.map(flagOf).join(', ')}`;
  return [
    `\`${flags}\``,
    `${description}${choices}${apart}`,
    defaultValue === undefined ? '' : `\`${defaultValue}\``,
  ];
}

const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

function sectionOf(command: Command): string {
  const { options } = command;
  const parts = [`## ${pathOf(command)}`, `    ${usageOf(command)}`, `${sentence(command.description())}`];
  if (options.length > 0) parts.push(markdownTable(['option', 'means', 'default'], options.map(optionRow)));
  return parts.join('\n\n');
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

test('docs/commands.md has every command with its options', () => {
  const everywhere = markdownTable(['option', 'means', 'default'], program.options.map(optionRow));
  const page = [everywhere, ...leaves(program).map(sectionOf)].join('\n\n');
  expectGeneratedPart('docs/commands.md', 'command-line.ts', page);
});

test('every command and option says what it is', () => {
  const silent = leaves(program).flatMap((command) =>
    [command.description(), ...command.options.map((option) => option.description)].filter(
      (text) => text === '',
    ),
  );
  expect(silent).toEqual([]);
});
