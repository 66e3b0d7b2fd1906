/**
 * What the sidecar says while it serves: sentences on a terminal, JSON lines (pino) where nobody watches, so that a
 * collector of logs can read level and time. Neither ever holds a request's body or an entity's id.
 *
 * A sentence that is repeated (a disk that is slow ten times a minute) is written a few times a minute and then
 * counted: a line at the end of the minute says how often it came.
 */
import { pino } from 'pino';
import type { CodedError } from '../../contract/std/coded-error.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { terminalText } from '../../contract/std/visible-text.ts';
import type { ServeSettings } from '../../project/settings/serve-settings.ts';
import { LineSink } from './line-sink.ts';
import { RepeatedLines } from './repeated-lines.ts';

const STDERR = 2;

/** What a running sidecar asks of its lines. */
export interface StderrLines {
  setLevel(level: ServeSettings['logLevel']): void;
  /** Lines that were never written, since nobody read them. */
  readonly dropped: number;
}

/** Of a sidecar that says nothing on stderr, or by other means. */
export const NO_LINES: StderrLines = { setLevel() {}, dropped: 0 };

/** Lines of a program that nobody watches; on a terminal what people read there. */
interface LogLines extends StderrLines {
  readonly logger: Logger;
  /** Tells the error that ends the program: as a line among lines, as the sentence where nothing was written before. */
  fail(error: CodedError, sentence: string): void;
}

/**
 * @param stream    standard error
 * @param terminal  what speaks when the stream is a terminal
 */
export function logLines(stream: NodeJS.WriteStream, terminal: Logger): LogLines {
  // Looking at the stream also turns a pipe non-blocking, which the sink needs.
  return stream.isTTY ? terminalLines(terminal) : jsonLines();
}

function terminalLines(terminal: Logger): LogLines {
  let level: ServeSettings['logLevel'] = 'info';
  const logger: Logger = {
    info: (line) => (level === 'info' ? terminal.info(line) : undefined),
    warn: (line) => (level === 'error' ? undefined : terminal.warn(line)),
    progress() {},
  };
  return {
    logger,
    fail: (_, sentence) => terminal.info(sentence),
    setLevel: (next) => (level = next),
    dropped: 0,
  };
}

function jsonLines(): LogLines {
  const sink = new LineSink(STDERR, (lines) =>
    log.warn(`${lines} log lines were dropped: whoever reads them was too slow`),
  );
  const log = pino(
    {
      base: { program: 'plumb serve' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  const info = new RepeatedLines((line) => log.info(terminalText(line)));
  const warn = new RepeatedLines((line) => log.warn(terminalText(line)));
  return {
    logger: { info: (line) => info.add(line), warn: (line) => warn.add(line), progress() {} },
    fail({ code, message, details }, sentence) {
      if (sink.lines === 0) sink.write(`${terminalText(sentence)}\n`);
      else log.error({ code, help: details.help }, terminalText(message));
    },
    setLevel(level) {
      log.level = level;
    },
    get dropped() {
      return sink.dropped;
    },
  };
}
