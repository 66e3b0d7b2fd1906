/** How the groups of the table of commands (command-line.ts) add theirs. */
import type { Command } from 'commander';
import type { CommandContext, ExitCode } from '../project/command.ts';

/** Adds a command; its action gets the context first, then arguments and options as commander passes them. */
export type Add = (
  usage: string,
  description: string,
  // oxlint-disable-next-line no-explicit-any -- commander knows the arguments only at run time
  action: (context: CommandContext, ...args: any[]) => Promise<ExitCode>,
  parent?: Command,
) => Command;
