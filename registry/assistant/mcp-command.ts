/**
 * `plumb mcp`: the registry and the last verdicts for assistants, by the Model Context Protocol over stdin and stdout.
 * tools.ts says what may be asked, and only reads; each answer is made anew: an apply or a verdict is seen at once.
 */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CodedError } from '../../contract/std/coded-error.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { jsonText } from '../../project/command.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import { projectOf } from '../../project/project.ts';
import { addTools } from './tools.ts';
import type { ToolAnswer } from './tools.ts';

/** Answers until stdin ends. */
export async function mcp(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const server = new McpServer({ name: 'plumbline', version: OWN_PACKAGE.version });
  addTools(server, project, answered);
  // stdout is for results alone, and goes out through the front door.
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      context.print(chunk).then(() => done(), done);
    },
  });
  await server.connect(new StdioServerTransport(process.stdin, out));
  await once(process.stdin, 'end');
  await server.close();
  return 0;
}

/** A mistake is an answer too, with what to do. */
async function answered(make: () => Promise<unknown>): Promise<ToolAnswer> {
  try {
    return { content: [{ type: 'text', text: jsonText(await make()) }] };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { message, details, code } = error;
    const text = `${message}${details.help === undefined ? '' : `\n${details.help}`}  [${code}]`;
    return { content: [{ type: 'text', text }], isError: true };
  }
}
